//! The messages of both protocols and of the REST API, in both directions.

mod json;
pub mod rest;
pub mod v1;
mod v2;

pub use v2::*;
