//! Paths into packs: read, hashed, cut and compressed on all processors.

mod cut;
mod fits;
mod read;
mod shelf;
#[cfg(test)]
mod tests;

pub use read::ReadError;
pub(crate) use read::{Item, Outcome, Reading, read};
pub use shelf::ShelfError;
pub(crate) use shelf::{ClosedPack, FramePlace, Shelf, Spares};

use crate::snapshot::Recipe;

/// Where the chunks of an item are that was read, once the shelf is finished.
pub(crate) fn recipe(outcome: Outcome, shelf: &Shelf) -> Result<Recipe, String> {
    match outcome {
        Outcome::Left(why) => Err(why),
        Outcome::Read(chunks) => {
            let mut recipe = Recipe::default();
            for chunk in &chunks {
                let (pack, frame) = shelf.place(chunk).ok_or("a chunk of it was lost")?;
                recipe.push(pack, frame);
            }
            Ok(recipe)
        }
    }
}
