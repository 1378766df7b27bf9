//! Pulling a closure.

use prost::Message;

use super::WireInfo;

/// `POST closure`: what is wanted with all that it refers to. The answer is a row of [`Planned`], each after its length
/// as a varint, the last one with `last`.
#[derive(Clone, PartialEq, Message)]
pub struct ClosureWanted {
    /// The hash parts of the paths that are wanted.
    #[prost(string, repeated, tag = "1")]
    pub roots: Vec<String>,
    /// Hash parts, 32 bytes each, one behind the other in order, of paths that are there with all that they refer to: they
    /// are left out, and what only they refer to. At most [`super::MAX_HAVE`].
    #[prost(bytes = "vec", tag = "2")]
    pub have: Vec<u8>,
}

/// A path of the closure; or, as the last message, what the cache cannot give.
#[derive(Clone, PartialEq, Message)]
pub struct Planned {
    /// The path.
    #[prost(message, optional, tag = "1")]
    pub info: Option<WireInfo>,
    /// Its NAR: a record for each frame ([`super::RECORD`]). Empty where the cache has yet to fetch it from an upstream:
    /// then it comes as every binary cache gives it.
    #[prost(bytes = "vec", tag = "2")]
    pub frames: Vec<u8>,
    /// Nothing follows. Without this message the answer broke off.
    #[prost(bool, tag = "3")]
    pub last: bool,
    /// Paths that are referred to and that this cache does not have.
    #[prost(string, repeated, tag = "4")]
    pub elsewhere: Vec<String>,
    /// Roots that this cache does not have.
    #[prost(string, repeated, tag = "5")]
    pub absent: Vec<String>,
    /// Why nothing follows although not all was told; empty where it was.
    #[prost(string, tag = "6")]
    pub failed: String,
}

/// `POST rows`: frames of many NARs in one answer, one piece behind the other. At most [`super::MAX_PIECES`], of
/// [`super::MAX_ROWS`] bytes together.
#[derive(Clone, PartialEq, Message)]
pub struct Rows {
    /// The pieces, in the order in which they are sent.
    #[prost(message, repeated, tag = "1")]
    pub pieces: Vec<Piece>,
}

/// Bytes of the row of frames that a NAR is kept as.
#[derive(Clone, PartialEq, Message)]
pub struct Piece {
    /// The NAR's hash.
    #[prost(bytes = "vec", tag = "1")]
    pub nar: Vec<u8>,
    /// The first byte.
    #[prost(uint64, tag = "2")]
    pub start: u64,
    /// The byte behind the last.
    #[prost(uint64, tag = "3")]
    pub end: u64,
}
