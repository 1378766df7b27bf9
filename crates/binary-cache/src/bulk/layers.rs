//! What is known of layers of images: `POST layers/known` asks for it, and `POST layers` tells it.

use prost::{Enumeration, Message};

/// Layers that one message tells of, or asks for, at most.
pub const MAX_LAYERS: usize = 2048;

/// Bytes of the largest layer that is told of: 16 TiB.
pub const MAX_LAYER: u64 = 1 << 44;

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum LayerCompression {
    /// It was not said.
    Unknown = 0,
    /// Not at all.
    None = 1,
    /// By gzip.
    Gzip = 2,
    /// By zstd.
    Zstd = 3,
}

/// `POST layers/known`: which layers somebody would like to know of. The answer is a [`Layers`] of those that are known.
#[derive(Clone, PartialEq, Message)]
pub struct LayersWanted {
    /// Their keys, 32 bytes each, one behind the other; at most [`MAX_LAYERS`].
    #[prost(bytes = "vec", tag = "1")]
    pub keys: Vec<u8>,
}

/// `POST layers`: what layers came to that somebody has made; at most [`MAX_LAYERS`]. Who may push decides what his view
/// of the cache tells, and nobody else's.
#[derive(Clone, PartialEq, Message)]
pub struct Layers {
    /// The layers, in no order.
    #[prost(message, repeated, tag = "1")]
    pub layers: Vec<WireLayer>,
}

/// A layer, and what it came to.
#[derive(Clone, PartialEq, Message)]
pub struct WireLayer {
    /// Says what it is made of: 32 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// The SHA-256 of its tar.
    #[prost(bytes = "vec", tag = "2")]
    pub diff_id: Vec<u8>,
    /// Bytes of its tar, where they are known.
    #[prost(uint64, optional, tag = "3")]
    pub diff_size: Option<u64>,
    /// The SHA-256 of its blob.
    #[prost(bytes = "vec", tag = "4")]
    pub digest: Vec<u8>,
    /// Bytes of its blob.
    #[prost(uint64, tag = "5")]
    pub size: u64,
    /// How the tar became the blob.
    #[prost(enumeration = "LayerCompression", tag = "6")]
    pub compression: i32,
}

/// A layer as a message should tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldLayer {
    /// Says what it is made of.
    pub key: [u8; 32],
    /// The SHA-256 of its tar.
    pub diff_id: [u8; 32],
    /// Bytes of its tar, where they are known.
    pub diff_size: Option<u64>,
    /// The SHA-256 of its blob.
    pub digest: [u8; 32],
    /// Bytes of its blob.
    pub size: u64,
    /// How the tar became the blob; never unknown.
    pub compression: LayerCompression,
}

/// A message does not tell of a layer as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayerError {
    /// A hash of another length.
    #[error("the {0} of a layer has 32 bytes")]
    Hash(&'static str),
    /// A size that no layer has.
    #[error("a layer has 1 to {MAX_LAYER} bytes")]
    Size,
    /// A number that stands for no compression.
    #[error("a layer is compressed in a way that is not known here")]
    Compression,
    /// Two blobs that must be one.
    #[error("a layer that is not compressed is its own tar")]
    Differs,
}

impl From<&ToldLayer> for WireLayer {
    fn from(layer: &ToldLayer) -> Self {
        Self {
            key: layer.key.to_vec(),
            diff_id: layer.diff_id.to_vec(),
            diff_size: layer.diff_size,
            digest: layer.digest.to_vec(),
            size: layer.size,
            compression: layer.compression.into(),
        }
    }
}

impl TryFrom<WireLayer> for ToldLayer {
    type Error = LayerError;

    fn try_from(layer: WireLayer) -> Result<Self, LayerError> {
        let hash = |what, bytes: &[u8]| bytes.try_into().map_err(|_| LayerError::Hash(what));
        let compression = LayerCompression::try_from(layer.compression)
            .ok()
            .filter(|compression| *compression != LayerCompression::Unknown);
        let told = Self {
            key: hash("key", &layer.key)?,
            diff_id: hash("diff id", &layer.diff_id)?,
            diff_size: layer.diff_size,
            digest: hash("digest", &layer.digest)?,
            size: layer.size,
            compression: compression.ok_or(LayerError::Compression)?,
        };
        let sane = |size: u64| (1..=MAX_LAYER).contains(&size);
        if !sane(told.size) || !told.diff_size.is_none_or(sane) {
            return Err(LayerError::Size);
        }
        let same = told.digest == told.diff_id && told.diff_size.is_none_or(|size| size == told.size);
        if told.compression == LayerCompression::None && !same {
            return Err(LayerError::Differs);
        }
        Ok(told)
    }
}
