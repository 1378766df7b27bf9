//! The GitHub Actions cache protocol: messages, keys, scopes, versions, and a client of the service. Every parser
//! takes bytes from outside and states its bounds.

pub mod block_list;
pub mod client;
pub mod hash_files;
pub mod keys;
pub mod limits;
pub mod messages;
pub mod query;
pub mod ranges;
pub mod runner;
pub mod scope;
pub mod twirp;
pub mod version;
