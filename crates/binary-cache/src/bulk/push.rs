//! Pushing a closure: `POST missing`, then for each pack `PUT packs/<hash>`, then `POST nars`, and at last one
//! `POST paths`, with which all of it becomes visible.

use prost::{Message, Oneof};

use super::WireInfo;

/// `POST missing`: what somebody would push.
#[derive(Clone, PartialEq, Message)]
pub struct Offered {
    /// The paths.
    #[prost(message, repeated, tag = "1")]
    pub paths: Vec<Offer>,
}

/// A path that somebody would push.
#[derive(Clone, PartialEq, Message)]
pub struct Offer {
    /// The path.
    #[prost(string, tag = "1")]
    pub path: String,
    /// The SHA-256 of its NAR.
    #[prost(bytes = "vec", tag = "2")]
    pub nar_hash: Vec<u8>,
}

/// The answer to [`Offered`].
#[derive(Clone, PartialEq, Message)]
pub struct Missing {
    /// Places, in what was offered, of paths whose NAR is to be sent.
    #[prost(uint32, repeated, tag = "1")]
    pub nars: Vec<u32>,
    /// Places of paths whose NAR is here, and that are only to be published.
    #[prost(uint32, repeated, tag = "2")]
    pub infos: Vec<u32>,
    /// Chunks that need no sending.
    #[prost(message, repeated, tag = "3")]
    pub known: Vec<Known>,
}

/// Chunks that whoever asks may name.
#[derive(Clone, PartialEq, Message)]
pub struct Known {
    /// Where they are.
    #[prost(message, optional, tag = "1")]
    pub source: Option<Source>,
    /// Their hashes, 32 bytes each, in order.
    #[prost(bytes = "vec", tag = "2")]
    pub chunks: Vec<u8>,
}

/// Something that frames can be named in.
#[derive(Clone, PartialEq, Message)]
pub struct Source {
    /// What it is.
    #[prost(oneof = "source::Of", tags = "1, 2")]
    pub of: Option<source::Of>,
}

/// What a [`Source`] is.
pub mod source {
    use super::Oneof;

    /// What frames can be named in.
    #[derive(Clone, PartialEq, Eq, Oneof)]
    pub enum Of {
        /// A pack that the same pusher has sent, by its hash.
        #[prost(bytes, tag = "1")]
        Pack(Vec<u8>),
        /// A NAR that the pusher may read, by its hash.
        #[prost(bytes, tag = "2")]
        Nar(Vec<u8>),
    }
}

/// `POST nars`: NARs, of which all frames are here. When it is answered, they wait for [`Publish`].
#[derive(Clone, PartialEq, Message)]
pub struct NewNars {
    /// What their frames are named in.
    #[prost(message, repeated, tag = "1")]
    pub sources: Vec<Source>,
    /// The NARs.
    #[prost(message, repeated, tag = "2")]
    pub nars: Vec<NewNar>,
}

/// A NAR.
#[derive(Clone, PartialEq, Message)]
pub struct NewNar {
    /// Its SHA-256.
    #[prost(bytes = "vec", tag = "1")]
    pub hash: Vec<u8>,
    /// Its frames, in order.
    #[prost(message, repeated, tag = "2")]
    pub runs: Vec<Run>,
}

/// Frames that follow each other in a source.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Run {
    /// The place of the source in [`NewNars::sources`].
    #[prost(uint32, tag = "1")]
    pub source: u32,
    /// The first frame.
    #[prost(uint32, tag = "2")]
    pub first: u32,
    /// How many.
    #[prost(uint32, tag = "3")]
    pub count: u32,
}

/// `POST paths`: makes paths visible, all or none.
#[derive(Clone, PartialEq, Message)]
pub struct Publish {
    /// The paths.
    #[prost(message, repeated, tag = "1")]
    pub paths: Vec<WireInfo>,
}
