//! A page as bytes, as the catalog keeps it.
//!
//! Little-endian: `version u16 | packs u16 | frames u16 | raw start u64 | stored start u64`, the packs' numbers
//! `u64` each in the order in which they come first, then per frame `chunk hash 32 | frame hash 32 | raw
//! length u32 | stored length u32 | offset u32 | place of its pack in the list u16`.

use std::collections::HashMap;

use super::{FrameRef, PAGE_FRAMES, RecipePage};
use crate::chunker::MAX_CHUNK;
use crate::frame::bound;
use crate::id::{ChunkHash, FrameHash, PackId};
use crate::pack::MAX_OBJECT;
use crate::wire::Fields;

const VERSION: u16 = 1;

/// Bytes before the list of packs.
const HEADER: usize = 22;

/// Bytes of a frame's record.
const RECORD: usize = 78;

/// What can be wrong with the bytes of a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// A layout that this program does not know.
    #[error("the recipe page's format is version {0}, not {VERSION}")]
    Version(u16),
    /// More frames or packs than a page may have.
    #[error("the recipe page lists {frames} frames in {packs} packs; at most {PAGE_FRAMES} are accepted")]
    Count {
        /// Frames by its header.
        frames: u16,
        /// Packs by its header.
        packs: u16,
    },
    /// It ends too early or too late.
    #[error("the recipe page has {0} bytes, which are not those of its counts")]
    Length(usize),
    /// A frame's lengths, place or pack cannot be.
    #[error("frame {0} of the recipe page has impossible lengths, place or pack")]
    Frame(usize),
    /// The list of packs is not that of the frames.
    #[error("the recipe page's list of packs is not that of its frames")]
    Packs,
    /// The sums go beyond what can be counted.
    #[error("the recipe page's sums overflow")]
    Sum,
}

impl RecipePage {
    /// The page as bytes: 22, 8 more a pack and 78 more a frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        debug_assert!(self.frames.len() <= PAGE_FRAMES);
        let packs = self.pack_bytes();
        let mut bytes = Vec::with_capacity(HEADER + packs.len() * 8 + self.frames.len() * RECORD);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((packs.len() as u16).to_le_bytes());
        bytes.extend((self.frames.len() as u16).to_le_bytes());
        bytes.extend(self.raw_start.to_le_bytes());
        bytes.extend(self.stored_start.to_le_bytes());
        let mut places = HashMap::new();
        for (place, (pack, _)) in packs.iter().enumerate() {
            bytes.extend(pack.0.to_le_bytes());
            places.insert(*pack, place as u16);
        }
        for frame in &self.frames {
            bytes.extend(frame.chunk.as_bytes());
            bytes.extend(frame.frame.as_bytes());
            bytes.extend(frame.raw_len.to_le_bytes());
            bytes.extend(frame.stored_len.to_le_bytes());
            bytes.extend(frame.offset.to_le_bytes());
            bytes.extend(places[&frame.pack].to_le_bytes());
        }
        bytes
    }

    /// Reads a page.
    ///
    /// # Errors
    /// When the bytes are not exactly what [`RecipePage::encode`] makes of some page, or name lengths and places
    /// that no frame can have.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecipeError> {
        let too_short = || RecipeError::Length(bytes.len());
        let mut fields = Fields(bytes);
        let version = fields.u16().ok_or_else(too_short)?;
        if version != VERSION {
            return Err(RecipeError::Version(version));
        }
        let packs = fields.u16().ok_or_else(too_short)?;
        let frames = fields.u16().ok_or_else(too_short)?;
        if usize::from(frames) > PAGE_FRAMES || packs > frames {
            return Err(RecipeError::Count { frames, packs });
        }
        if bytes.len() != HEADER + usize::from(packs) * 8 + usize::from(frames) * RECORD {
            return Err(too_short());
        }
        let raw_start = fields.u64().ok_or_else(too_short)?;
        let stored_start = fields.u64().ok_or_else(too_short)?;
        let packs = (0..packs)
            .map(|_| fields.u64().map(PackId).ok_or_else(too_short))
            .collect::<Result<Vec<_>, _>>()?;
        let frames = (0..usize::from(frames))
            .map(|index| frame(&mut fields, &packs).ok_or(RecipeError::Frame(index)))
            .collect::<Result<Vec<_>, _>>()?;
        let page = Self { raw_start, stored_start, frames };
        if !page.pack_bytes().iter().map(|(pack, _)| pack).eq(&packs) {
            return Err(RecipeError::Packs);
        }
        if raw_start.checked_add(page.raw_len()).is_none()
            || stored_start.checked_add(page.stored_len()).is_none()
        {
            return Err(RecipeError::Sum);
        }
        Ok(page)
    }
}

fn frame(fields: &mut Fields<'_>, packs: &[PackId]) -> Option<FrameRef> {
    let frame = FrameRef {
        chunk: ChunkHash::from_bytes(fields.bytes()?),
        frame: FrameHash::from_bytes(fields.bytes()?),
        raw_len: fields.u32()?,
        stored_len: fields.u32()?,
        offset: fields.u32()?,
        pack: *packs.get(usize::from(fields.u16()?))?,
    };
    let end = u64::from(frame.offset) + u64::from(frame.stored_len);
    let sound = (1..=MAX_CHUNK).contains(&frame.raw_len)
        && (1..=bound(frame.raw_len)).contains(&frame.stored_len)
        && end <= MAX_OBJECT;
    sound.then_some(frame)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame() -> impl Strategy<Value = FrameRef> {
        (any::<[u8; 32]>(), any::<[u8; 32]>(), 1..=MAX_CHUNK, any::<u32>(), any::<u32>(), 0..40u64).prop_map(
            |(chunk, frame, raw_len, stored, offset, pack)| {
                let stored_len = 1 + stored % bound(raw_len);
                FrameRef {
                    chunk: ChunkHash::from_bytes(chunk),
                    frame: FrameHash::from_bytes(frame),
                    raw_len,
                    stored_len,
                    pack: PackId(pack << 40 | 7),
                    offset: offset % (MAX_OBJECT as u32 - stored_len + 1),
                }
            },
        )
    }

    fn page() -> impl Strategy<Value = RecipePage> {
        (0..1u64 << 60, 0..1u64 << 60, proptest::collection::vec(frame(), 0..60))
            .prop_map(|(raw_start, stored_start, frames)| RecipePage { raw_start, stored_start, frames })
    }

    proptest! {
        #[test]
        fn a_page_comes_back(page in page()) {
            let bytes = page.encode();
            prop_assert_eq!(bytes.len(), HEADER + page.pack_bytes().len() * 8 + page.frames.len() * RECORD);
            prop_assert_eq!(RecipePage::decode(&bytes), Ok(page));
        }

        #[test]
        fn what_is_accepted_is_what_is_written(
            page in page(),
            at in any::<prop::sample::Index>(),
            byte: u8,
            len in any::<prop::sample::Index>(),
        ) {
            let mut bytes = page.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(page) = RecipePage::decode(&bytes) {
                prop_assert_eq!(&page.encode(), &bytes);
            }
            let len = len.index(bytes.len());
            prop_assert!(RecipePage::decode(&bytes[..len]).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = RecipePage::decode(&bytes);
            let _ = RecipePage::decode(&[&[1, 0], &bytes[..]].concat());
        }
    }

    fn one_frame() -> RecipePage {
        let frame = FrameRef {
            chunk: ChunkHash::of(b"chunk"),
            frame: FrameHash::of(b"frame"),
            raw_len: 5,
            stored_len: 14,
            pack: PackId(9),
            offset: 3,
        };
        RecipePage { raw_start: 1, stored_start: 2, frames: vec![frame] }
    }

    #[test]
    fn sums_are_those_of_the_frames() {
        let mut page = one_frame();
        let first = page.frames[0];
        page.frames.push(FrameRef { pack: PackId(2), stored_len: 1, ..first });
        page.frames.push(FrameRef { raw_len: 7, ..first });
        assert_eq!(page.raw_len(), 17);
        assert_eq!(page.stored_len(), 29);
        assert_eq!(page.pack_bytes(), [(PackId(9), 28), (PackId(2), 1)]);
    }

    #[test]
    fn each_lie_is_told_apart() {
        fn change(lie: impl FnOnce(&mut RecipePage)) -> Vec<u8> {
            let mut page = one_frame();
            lie(&mut page);
            page.encode()
        }
        let patch = |at: usize, with: &[u8]| {
            let mut bytes = one_frame().encode();
            bytes[at..at + with.len()].copy_from_slice(with);
            bytes
        };
        let length = one_frame().encode().len();
        let cases = [
            ("version", patch(0, &[2]), RecipeError::Version(2)),
            ("too many frames", patch(4, &[1, 4]), RecipeError::Count { frames: 1025, packs: 1 }),
            ("more packs than frames", patch(2, &[2]), RecipeError::Count { frames: 1, packs: 2 }),
            ("a frame that is not there", patch(4, &[2]), RecipeError::Length(length)),
            ("a pack that is not listed", patch(length - 2, &[1]), RecipeError::Frame(0)),
            ("an empty chunk", change(|page| page.frames[0].raw_len = 0), RecipeError::Frame(0)),
            ("a huge chunk", change(|page| page.frames[0].raw_len = MAX_CHUNK + 1), RecipeError::Frame(0)),
            ("bloat", change(|page| page.frames[0].stored_len = 70), RecipeError::Frame(0)),
            (
                "a place outside",
                change(|page| page.frames[0].offset = MAX_OBJECT as u32),
                RecipeError::Frame(0),
            ),
            ("a huge sum", change(|page| page.raw_start = u64::MAX), RecipeError::Sum),
            (
                "a pack listed twice",
                {
                    let mut bytes = change(|page| {
                        page.frames.push(FrameRef { pack: PackId(8), ..page.frames[0] });
                    });
                    bytes[30] = 9;
                    bytes
                },
                RecipeError::Packs,
            ),
        ];
        for (what, bytes, error) in cases {
            assert_eq!(RecipePage::decode(&bytes), Err(error), "{what}");
        }
    }
}
