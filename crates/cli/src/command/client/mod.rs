//! `save`, `restore` and `run`: what they have in common.

mod progress;
mod remote;
mod restore;
mod save;
mod session;

pub(crate) use restore::run as restore;
pub(crate) use save::run as save;
