//! `save`, `restore` and `run`: what they have in common.

mod progress;
mod remote;
mod save;
mod session;

pub(crate) use save::run as save;
