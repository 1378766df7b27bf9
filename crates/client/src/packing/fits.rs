//! Whether something fits, found out before anything of it is stored.

use snowbank_cas::frame::Encoder;
use snowbank_cas::id::ChunkHash;
use snowbank_cas::pack::record_len;

use super::cut::{Batch, Batches, cut};
use super::read::{Item, Reading};
use super::shelf::Shelf;

/// Whether there is room for the chunks of an item that nobody has stored. An item that is larger than the room is read and
/// compressed for it, as far as the room goes: most of it may be stored already. Holds a batch.
pub(crate) fn fits(item: &Item, reading: &Reading<'_>) -> bool {
    let room = reading.shelf.room();
    if item.nar_size <= room {
        return true;
    }
    // Who cannot compress says so when it is stored.
    let Ok(encoder) = Encoder::new(reading.level) else { return true };
    let mut new = New { shelf: reading.shelf, encoder, room, over: false, spare: None };
    // And so does what cannot be read.
    let _ = cut(&item.file, reading.params, false, &mut new);
    !new.over
}

/// Counts what chunks would take that nobody has stored.
struct New<'a> {
    shelf: &'a Shelf,
    encoder: Encoder,
    /// Bytes that there is still room for.
    room: u64,
    /// Whether more came.
    over: bool,
    spare: Option<Batch>,
}

impl Batches for New<'_> {
    fn fresh(&mut self) -> Batch {
        self.spare.take().unwrap_or_default()
    }

    fn put(&mut self, batch: Batch) -> bool {
        let chunks: Vec<_> = (0..batch.len()).map(|at| ChunkHash::of(batch.chunk(at))).collect();
        for at in self.shelf.missing(&chunks) {
            let frame = self.encoder.encode(batch.chunk(at));
            let takes = frame.map_or(0, |frame| frame.len() as u64) + record_len();
            self.over |= takes > self.room;
            self.room = self.room.saturating_sub(takes);
        }
        self.spare = Some(batch.cleared());
        !self.over
    }
}
