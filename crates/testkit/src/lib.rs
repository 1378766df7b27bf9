//! Real peers and fixtures for tests: npm's cache clients, GitHub's gh, a browser, an S3 server, nginx, registries, a Nix closure, the built `snowbank`
//! itself, and a proxy that breaks connections.
//!
//! Nothing of Snowbank is imported here: a peer speaks over the wire or from the command line. What a peer needs on
//! the machine is installed by `scripts/setup`, which a peer runs by itself; a fixture that cannot start panics with
//! what it said, because then its test cannot mean anything.
#![expect(clippy::expect_used, reason = "a fixture that cannot start fails its test")]

pub mod browser;
pub mod builds;
pub mod closure;
pub mod disk;
pub mod docker_registry;
pub mod flatfile;
pub mod gh;
mod line;
pub mod nginx;
pub mod nix_daemon;
pub mod noise;
pub mod npm;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod registry;
pub mod runner;
pub mod s3;
pub mod snowbank;
pub mod tools;
pub mod wire;
pub mod world;
