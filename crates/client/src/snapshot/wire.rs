//! The index entry's messages, in protobuf.

use prost::Message;

/// A whole index.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Index {
    #[prost(string, tag = "1")]
    pub(super) dir: String,
    #[prost(string, tag = "2")]
    pub(super) run: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) packs: Vec<Pack>,
    /// Sorted by name.
    #[prost(message, repeated, tag = "4")]
    pub(super) paths: Vec<Path>,
    #[prost(message, repeated, tag = "5")]
    pub(super) realisations: Vec<Realisation>,
    #[prost(message, repeated, tag = "6")]
    pub(super) trees: Vec<Tree>,
    /// Places in [`Index::paths`].
    #[prost(uint32, repeated, tag = "7")]
    pub(super) used: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Pack {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) hash: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) size: u64,
    #[prost(uint32, tag = "3")]
    pub(super) footer_len: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) footer_hash: Vec<u8>,
    #[prost(uint32, tag = "5")]
    pub(super) copy: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Path {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) nar_hash: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) nar_size: u64,
    /// Places in [`Index::paths`].
    #[prost(uint32, repeated, tag = "4")]
    pub(super) references: Vec<u32>,
    /// Empty for none.
    #[prost(string, tag = "5")]
    pub(super) deriver: String,
    #[prost(string, repeated, tag = "6")]
    pub(super) signatures: Vec<String>,
    /// Empty for none.
    #[prost(string, tag = "7")]
    pub(super) ca: String,
    #[prost(uint32, tag = "8")]
    pub(super) unused: u32,
    #[prost(bool, tag = "9")]
    pub(super) upstream: bool,
    /// Pack, first frame and count of each run, one after the other.
    #[prost(uint32, repeated, tag = "10")]
    pub(super) runs: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Realisation {
    #[prost(message, optional, tag = "1")]
    pub(super) id: Option<RealisationId>,
    /// A place in [`Index::paths`].
    #[prost(uint32, tag = "2")]
    pub(super) path: u32,
    #[prost(string, repeated, tag = "3")]
    pub(super) signatures: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(super) needs: Vec<RealisationId>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RealisationId {
    /// A hash with its algorithm, or a store path's base name.
    #[prost(oneof = "Derivation", tags = "1, 2")]
    pub(super) derivation: Option<Derivation>,
    #[prost(string, tag = "3")]
    pub(super) output: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Derivation {
    #[prost(string, tag = "1")]
    Modulo(String),
    #[prost(string, tag = "2")]
    Path(String),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Tree {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) nar_hash: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) nar_size: u64,
    #[prost(uint32, repeated, tag = "4")]
    pub(super) runs: Vec<u32>,
}
