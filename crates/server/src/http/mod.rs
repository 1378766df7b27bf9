//! The service over HTTP: one folder a protocol, each with its own table from [`Kind`](crate::service::Kind) to
//! its own codes.

mod api;
mod artifactcache;
mod blobs;
mod body;
mod connection;
mod content_type;
mod fault;
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
mod site;
mod timestamp;
mod told;
mod trace;
mod twirp;

pub use connection::{Ends, serve, serve_monitoring};
pub use router::router;
