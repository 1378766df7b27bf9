//! Frames, in order, into the pages of a recipe.

use crate::index::{ChunkIndex, IndexError};
use crate::recipe::{FrameRef, PAGE_FRAMES, RecipePage};

/// Writes the recipe of an index, whose packs are all stored. Holds a page.
pub struct RecipeWriter<'a> {
    index: &'a dyn ChunkIndex,
    page: RecipePage,
    number: u32,
}

/// Bytes of a whole recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the stream.
    pub raw_size: u64,
    /// Bytes of the row of frames.
    pub stored_size: u64,
}

impl<'a> RecipeWriter<'a> {
    /// Writes from the beginning: the index's recipe has to be empty.
    #[must_use]
    pub fn new(index: &'a dyn ChunkIndex) -> Self {
        let page = RecipePage { raw_start: 0, stored_start: 0, frames: Vec::new() };
        Self { index, page, number: 0 }
    }

    /// Adds the next frame.
    ///
    /// # Errors
    /// When a page became full and the index did not take it.
    pub async fn push(&mut self, frame: FrameRef) -> Result<(), IndexError> {
        self.page.frames.push(frame);
        if self.page.frames.len() == PAGE_FRAMES { self.add_page().await } else { Ok(()) }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When the index did not take it.
    pub async fn finish(mut self) -> Result<Written, IndexError> {
        if !self.page.frames.is_empty() {
            self.add_page().await?;
        }
        Ok(Written { raw_size: self.page.raw_start, stored_size: self.page.stored_start })
    }

    async fn add_page(&mut self) -> Result<(), IndexError> {
        self.index.add_page(self.number, &self.page).await?;
        self.number += 1;
        self.page.raw_start += self.page.raw_len();
        self.page.stored_start += self.page.stored_len();
        self.page.frames.clear();
        Ok(())
    }
}
