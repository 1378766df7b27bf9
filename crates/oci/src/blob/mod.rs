//! Blobs: layers that are made as they are read, files, and bytes.

mod bytes;
mod file;
mod layer;
mod outlet;
mod pipeline;
mod tree_file;

pub use bytes::BytesBlob;
pub use file::FileBlob;
pub use layer::{LayerBlob, OtherLayer};
pub use tree_file::{NoFile, TreeFileBlob};
