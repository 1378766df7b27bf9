//! What `examples/` and the tutorial say, done: steps and scripts from the files themselves, against real servers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod forge;
mod forges;
mod github;
mod gitlab;
mod kit;
mod machine;
mod proxy;
mod settings;
mod tutorial;
mod workflow;
mod yaml;
