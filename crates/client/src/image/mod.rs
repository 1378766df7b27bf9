//! Images of store paths that need not be on this machine: what they are made of, and what is known of their layers.

pub mod records;
pub mod source;
