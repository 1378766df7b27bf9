//! The messages of both protocols, in both directions.

mod json;
pub mod v1;
mod v2;

pub use v2::*;
