//! JSON as Go writes and reads it: nearly everything about images is written in Go.

pub(crate) mod fields;
pub(crate) mod go;
pub(crate) mod limits;
pub(crate) mod read;
