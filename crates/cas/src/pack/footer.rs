//! The footer: the index at a pack's end.

use super::{FORMAT_VERSION, MAGIC, MAX_FRAMES, MAX_OBJECT, PackEntry, PackError};
use crate::chunker::MAX_CHUNK;
use crate::frame::bound;
use crate::id::{ChunkHash, FrameHash};
use crate::wire::Fields;

/// One of the sixteen magic numbers of skippable frames (RFC 8878, section 3.1.2).
const SKIPPABLE: u32 = 0x184d_2a53;

/// Bytes of the magic and the length of a skippable frame.
const FRAMING: usize = 8;

/// Bytes of an entry.
const RECORD: usize = 72;

/// Bytes of the trailer: three numbers, half a hash, the magic.
const TRAILER: usize = 36;

/// Bytes of the trailer that the checksum covers.
const SUMMED: usize = 12;

/// Bytes of a pack of `frames` frames that have `bytes` bytes in all: theirs and its footer's.
#[must_use]
pub const fn object_size(frames: u64, bytes: u64) -> u64 {
    bytes + frames * RECORD as u64 + (FRAMING + TRAILER) as u64
}

/// Bytes at the end of a pack that tell how long its footer is.
#[must_use]
pub const fn trailer_len() -> u64 {
    TRAILER as u64
}

/// Bytes that a frame takes in the footer.
#[must_use]
pub const fn record_len() -> u64 {
    RECORD as u64
}

/// The index of a pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Footer {
    /// The frames in the order in which they lie.
    pub entries: Vec<PackEntry>,
    /// The rules by which the chunks were cut: [`crate::chunker::VERSION`] of the writer.
    pub chunker_version: u32,
}

impl Footer {
    /// The whole footer as it ends the object, framing included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = self.entries.len() * RECORD + TRAILER;
        let mut bytes = Vec::with_capacity(FRAMING + body);
        bytes.extend(SKIPPABLE.to_le_bytes());
        bytes.extend((body as u32).to_le_bytes());
        for entry in &self.entries {
            bytes.extend(entry.chunk.as_bytes());
            bytes.extend(entry.frame.as_bytes());
            bytes.extend(entry.raw_len.to_le_bytes());
            bytes.extend(entry.stored_len.to_le_bytes());
        }
        bytes.extend((self.entries.len() as u32).to_le_bytes());
        bytes.extend(self.chunker_version.to_le_bytes());
        bytes.extend(FORMAT_VERSION.to_le_bytes());
        bytes.extend(checksum(&bytes[FRAMING..]));
        bytes.extend(MAGIC);
        bytes
    }

    /// How many bytes of an object of `object_size` bytes, counted from its end, are its footer. `tail` is any
    /// run of at least [`trailer_len`] bytes that ends the object.
    ///
    /// # Errors
    /// When the object is no pack or larger than any. Nothing is said yet about the footer being right.
    pub fn len_from_trailer(tail: &[u8], object_size: u64) -> Result<u64, PackError> {
        let Some(trailer) = tail.last_chunk::<TRAILER>() else { return Err(PackError::NotAPack) };
        if trailer[TRAILER - MAGIC.len()..] != MAGIC {
            return Err(PackError::NotAPack);
        }
        if object_size > MAX_OBJECT {
            return Err(PackError::TooLarge(object_size));
        }
        let mut fields = Fields(trailer);
        let (Some(count), Some(_), Some(version)) = (fields.u32(), fields.u32(), fields.u32()) else {
            return Err(PackError::NotAPack);
        };
        if version != FORMAT_VERSION {
            return Err(PackError::Version(version));
        }
        if count == 0 || count as usize > MAX_FRAMES {
            return Err(PackError::Count(count));
        }
        let footer = (FRAMING + count as usize * RECORD + TRAILER) as u64;
        if footer >= object_size {
            return Err(PackError::Sum { sum: footer, object: object_size });
        }
        Ok(footer)
    }

    /// Reads the footer of an object of `object_size` bytes from its last [`Footer::len_from_trailer`] bytes.
    ///
    /// # Errors
    /// When the footer is damaged or anything in it does not add up. The frames themselves may still be lies.
    pub fn decode(tail: &[u8], object_size: u64) -> Result<Self, PackError> {
        let length = Self::len_from_trailer(tail, object_size)?;
        if length != tail.len() as u64 {
            return Err(PackError::Length { footer: length, given: tail.len() as u64 });
        }
        let mut fields = Fields(tail);
        if fields.u32() != Some(SKIPPABLE) || fields.u32() != Some((tail.len() - FRAMING) as u32) {
            return Err(PackError::Framing);
        }
        let (summed, end) = fields.0.split_at(fields.0.len() - (TRAILER - SUMMED));
        if !end.starts_with(&checksum(summed)) {
            return Err(PackError::Checksum);
        }
        let (records, mut trailer) = (summed.len() - SUMMED, Fields(&summed[summed.len() - SUMMED..]));
        let (_, Some(chunker_version)) = (trailer.u32(), trailer.u32()) else {
            return Err(PackError::NotAPack);
        };
        let entries = summed[..records]
            .chunks_exact(RECORD)
            .enumerate()
            .map(|(index, record)| PackEntry::decode(index, record))
            .collect::<Result<Vec<_>, _>>()?;
        let frames: u64 = entries.iter().map(|entry| u64::from(entry.stored_len)).sum();
        if frames + length != object_size {
            return Err(PackError::Sum { sum: frames + length, object: object_size });
        }
        Ok(Self { entries, chunker_version })
    }

    /// The entries, each with the place of its frame in the object.
    pub fn entries_with_offsets(&self) -> impl Iterator<Item = (u32, &PackEntry)> {
        self.entries.iter().scan(0u32, |next, entry| {
            let offset = *next;
            *next = offset.saturating_add(entry.stored_len);
            Some((offset, entry))
        })
    }
}

impl PackEntry {
    /// Reads a record as it stands in a footer, whose place there is `index`.
    ///
    /// # Errors
    /// When it is of another length, or no frame can have these lengths.
    pub fn decode(index: usize, record: &[u8]) -> Result<Self, PackError> {
        let mut fields = Fields(record);
        let (Some(chunk), Some(frame), Some(raw_len), Some(stored_len)) =
            (fields.bytes(), fields.bytes(), fields.u32(), fields.u32())
        else {
            return Err(PackError::NotAPack);
        };
        if raw_len == 0 || raw_len > MAX_CHUNK || stored_len == 0 || stored_len > bound(raw_len) {
            return Err(PackError::Entry { index, raw_len, stored_len });
        }
        let (chunk, frame) = (ChunkHash::from_bytes(chunk), FrameHash::from_bytes(frame));
        Ok(Self { chunk, frame, raw_len, stored_len })
    }
}

fn checksum(bytes: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    half
}
