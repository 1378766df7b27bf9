//! Recipes: the ordered list of chunks that makes a byte stream again.

use std::collections::HashMap;

mod codec;

pub use codec::RecipeError;

use crate::id::{ChunkHash, FrameHash, PackId};

/// How many frames a page of a recipe holds; the last page may hold fewer.
pub const PAGE_FRAMES: usize = 1024;

/// One chunk of a stream and the frame that holds it, pinned to its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRef {
    /// The chunk that the frame decompresses to.
    pub chunk: ChunkHash,
    /// The frame's bytes as stored.
    pub frame: FrameHash,
    /// Bytes of the chunk.
    pub raw_len: u32,
    /// Bytes of the frame.
    pub stored_len: u32,
    /// The pack that holds the frame.
    pub pack: PackId,
    /// Where the frame begins in the pack, in bytes.
    pub offset: u32,
}

/// A run of a recipe's frames with the sums before it, so that a range costs a page and not the recipe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecipePage {
    /// Bytes of the stream, uncompressed, before this page.
    pub raw_start: u64,
    /// Bytes of the row of frames before this page.
    pub stored_start: u64,
    /// At most [`PAGE_FRAMES`] frames in the stream's order.
    pub frames: Vec<FrameRef>,
}

impl RecipePage {
    /// Bytes of the stream that this page's chunks hold.
    #[must_use]
    pub fn raw_len(&self) -> u64 {
        self.frames.iter().map(|frame| u64::from(frame.raw_len)).sum()
    }

    /// Bytes of this page's frames.
    #[must_use]
    pub fn stored_len(&self) -> u64 {
        self.frames.iter().map(|frame| u64::from(frame.stored_len)).sum()
    }

    /// The packs that the page names, in the order in which they come first, each with the bytes of its frames
    /// here; a frame that comes twice counts twice.
    #[must_use]
    pub fn pack_bytes(&self) -> Vec<(PackId, u64)> {
        let mut packs: Vec<(PackId, u64)> = Vec::new();
        let mut places = HashMap::new();
        for frame in &self.frames {
            let place = *places.entry(frame.pack).or_insert_with(|| {
                packs.push((frame.pack, 0));
                packs.len() - 1
            });
            packs[place].1 += u64::from(frame.stored_len);
        }
        packs
    }
}
