//! Plans, hostile and good; packs that nobody stored; local files that change.

mod layouts;
mod plans;
mod pulls;
pub(crate) mod server;
mod store;
