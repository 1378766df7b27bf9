//! Many paths at once: the messages of our own calls beside a cache, at `/api/v1/nix/<cache>/`, in protobuf.
//!
//! A NAR is told as a row of frames, each one chunk under zstd. Whoever pushes sends only the chunks that he cannot name:
//! those in [`Known`] he may, because they are in a NAR that he may read, or in a pack that he has sent himself.

mod info;
mod layers;
mod pull;
mod push;
#[cfg(test)]
mod tests;

pub use info::{InfoError, WireInfo};
pub use layers::{
    LayerCompression, LayerError, Layers, LayersWanted, MAX_LAYER, MAX_LAYERS, ToldLayer, WireLayer,
};
pub use pull::{ClosureWanted, Piece, Planned, Rows};
pub use push::{Known, Missing, NewNar, NewNars, Offer, Offered, Publish, Run, Source, source};

/// Paths that one message tells of at most.
pub const MAX_PATHS: usize = 1 << 16;

/// Paths at most that are said to be there already, 32 bytes each: more would cost more than they save.
pub const MAX_HAVE: usize = 1 << 16;

/// Pieces of one `POST rows` at most.
pub const MAX_PIECES: usize = 4096;

/// Bytes of the answer to one `POST rows` at most.
pub const MAX_ROWS: u64 = 64 << 20;

/// Bytes of the largest message that is read at once.
pub const MAX_MESSAGE: usize = 48 << 20;

/// Bytes of the largest pack that is sent in one piece: proxies take a body of 32 MiB.
pub const MAX_PACK: u64 = 32 << 20;

/// Bytes of one frame's record: chunk hash 32, frame hash 32, raw length 4, stored length 4, little-endian; as in a pack's
/// footer.
pub const RECORD: usize = 72;

/// What messages are sent as.
pub const PROTOBUF: &str = "application/x-protobuf";
