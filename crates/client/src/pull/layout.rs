//! The frames of many NARs as packs that nobody stored.

use std::collections::HashMap;

use bytes::Bytes;
use snowbank_cas::chunker::VERSION;
use snowbank_cas::id::{ChunkHash, FrameHash, ObjectHash};
use snowbank_cas::pack::{Footer, MAX_FRAMES, PackEntry, TARGET, object_size};

use super::local::{Local, frame};
use crate::snapshot::{PackRef, Recipe, Run};

/// Where a frame of a pack comes from: a place in a NAR's row of frames, or in a local file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The NAR, or the file, by number.
    pub(super) of: u32,
    /// The frame's first byte in the row, or the chunk's in the file.
    pub(super) start: u64,
}

/// A pack that nobody stored.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) is_local: bool,
    pub(super) entries: Vec<PackEntry>,
    /// Of each frame.
    pub(super) origins: Vec<Origin>,
    /// Where each frame begins, and the last ends.
    pub(super) offsets: Vec<u64>,
    pub(super) footer: Bytes,
}

impl Pack {
    fn new(is_local: bool) -> Self {
        let (entries, origins) = (Vec::new(), Vec::new());
        Self { is_local, entries, origins, offsets: vec![0], footer: Bytes::new() }
    }

    /// Bytes of its frames.
    pub(super) fn stored(&self) -> u64 {
        self.offsets.last().copied().unwrap_or_default()
    }

    fn takes(&self, bytes: u32) -> bool {
        self.entries.len() < MAX_FRAMES && self.stored() + u64::from(bytes) <= TARGET
    }

    /// Its footer, made and looked at as that of a stored one is; its number tells it from others.
    fn close(&mut self, number: u32) -> PackRef {
        let footer = Footer { entries: self.entries.clone(), chunker_version: VERSION };
        self.footer = footer.encode().into();
        let footer_hash = ObjectHash::of(&self.footer);
        PackRef {
            hash: footer_hash,
            size: object_size(self.entries.len() as u64, self.stored()),
            footer_len: self.footer.len() as u32,
            footer_hash,
            copy: number,
        }
    }
}

/// Lays frames out. What is there already, or is in a local file, is not laid out again.
#[derive(Debug, Default)]
pub(super) struct Layout {
    packs: Vec<Pack>,
    /// Chunks by the pack and the place in it.
    places: HashMap<ChunkHash, (u32, u32)>,
    /// The packs that are being filled: from the cache, and from local files.
    open: [Option<u32>; 2],
}

impl Layout {
    /// Lays out what is missing of a NAR; says where all its frames are.
    pub(super) fn add(&mut self, nar: u32, frames: &[PackEntry], local: &Local) -> Recipe {
        let (mut runs, mut start) = (Vec::<Run>::new(), 0);
        for entry in frames {
            let (pack, at) = match self.places.get(&entry.chunk) {
                Some(&place) => place,
                None => self.place(*entry, Origin { of: nar, start }, local),
            };
            start += u64::from(entry.stored_len);
            match runs.last_mut() {
                Some(run) if run.pack == pack && run.first + run.count == at => run.count += 1,
                _ => runs.push(Run { pack, first: at, count: 1 }),
            }
        }
        Recipe(runs)
    }

    fn place(&mut self, entry: PackEntry, origin: Origin, local: &Local) -> (u32, u32) {
        let found = local.chunks.get(&entry.chunk).filter(|_| entry.raw_len > 0);
        let (entry, origin) = match found {
            Some(found) => {
                // Nobody compares the hash of a frame that is made on the way.
                let (frame, stored_len) = (FrameHash::from_bytes([0; 32]), frame::length(entry.raw_len));
                (PackEntry { frame, stored_len, ..entry }, *found)
            }
            None => (entry, origin),
        };
        let number = self.room(found.is_some(), entry.stored_len);
        let pack = &mut self.packs[number as usize];
        let place = (number, pack.entries.len() as u32);
        pack.offsets.push(pack.stored() + u64::from(entry.stored_len));
        pack.entries.push(entry);
        pack.origins.push(origin);
        self.places.insert(entry.chunk, place);
        place
    }

    /// A pack that has room for so many bytes more.
    fn room(&mut self, is_local: bool, bytes: u32) -> u32 {
        let open = &mut self.open[usize::from(is_local)];
        match *open {
            Some(number) if self.packs[number as usize].takes(bytes) => number,
            _ => {
                let number = self.packs.len() as u32;
                self.packs.push(Pack::new(is_local));
                *open = Some(number);
                number
            }
        }
    }

    /// All packs, and what a snapshot says of them.
    pub(super) fn finish(mut self) -> (Vec<Pack>, Vec<PackRef>) {
        let references = self.packs.iter_mut().zip(0..).map(|(pack, number)| pack.close(number)).collect();
        (self.packs, references)
    }
}
