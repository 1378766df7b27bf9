//! Restoring into real private stores, which Nix checks then.

mod faults;
mod hostile;
mod interrupted;
mod others;
mod support;
mod whole;
