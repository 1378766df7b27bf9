//! What keeps a cache from being used, and what to do about it: facts in, findings out. Nothing here prints, and nothing
//! but [`negative`] reads.

mod finding;
pub mod keys;
pub mod limits;
pub mod line;
pub mod lock_file;
pub mod negative;
pub mod nix;
pub mod service;
mod text;
pub mod token;
pub mod version;

pub use finding::{Finding, Level};
