//! Connections: accepting them, bounding their time, ending them.

mod serve;
mod stall;

use std::net::SocketAddr;

pub use serve::{serve, serve_monitoring};

/// Both ends of a request's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The client's.
    pub peer: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
}
