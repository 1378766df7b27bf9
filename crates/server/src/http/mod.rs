//! The service over HTTP: one folder a protocol, each with its own table from [`Kind`](crate::service::Kind) to
//! its own codes.

mod api;
mod artifactcache;
mod blobs;
pub(crate) mod body;
pub(crate) mod calls;
mod connection;
pub(crate) mod content_type;
pub(crate) mod fault;
mod health;
mod log;
mod metrics;
mod monitoring;
mod nix;
mod prefixed;
mod request_id;
mod rest;
mod route;
mod router;
pub(crate) mod site;
pub(crate) mod timestamp;
mod told;
mod trace;
mod twirp;

pub use calls::Call;
pub use connection::{Ends, serve, serve_monitoring};
pub use router::{calls, router};
