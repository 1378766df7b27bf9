//! The client against a server that says what a test wrote down.

mod blobs;
mod calls;
pub(super) mod script;
