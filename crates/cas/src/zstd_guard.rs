//! What the first bytes of a zstd stream promise, read without decompressing anything.
//!
//! Source: RFC 8878, sections 3.1.1.1 (frame header) and 3.1.2 (skippable frames).

/// Bytes that [`inspect`] needs at most.
pub const HEADER_MAX: usize = 18;

/// The largest window that an archive is decompressed with. `zstd -19` and everything below need no more than
/// 8 MiB, `--ultra -22` 128 MiB, `--long=30` 1 GiB.
pub const MAX_ARCHIVE_WINDOW: u64 = 32 << 20;

/// What the first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspected {
    /// A frame with content.
    Frame(FrameHeader),
    /// A frame that decoders skip.
    Skippable {
        /// Bytes of the whole frame, the eight of its header included.
        len: u64,
    },
    /// No zstd, or of a version that was never released as stable.
    Other,
    /// The bytes do not reach to the end of the header.
    Incomplete,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes of memory that decompressing it as a stream takes.
    pub window: u64,
    /// Bytes of the content, where the header says so.
    pub content_size: Option<u64>,
    /// The dictionary that it needs.
    pub dictionary: Option<u32>,
    /// Whether an XXH64 checksum of the content ends the frame.
    pub checksum: bool,
    /// Bytes of the header itself.
    pub len: usize,
}

impl FrameHeader {
    /// Whether an archive that begins so may be decompressed: its window is bounded and it needs no dictionary.
    #[must_use]
    pub fn acceptable_archive(&self) -> bool {
        self.window <= MAX_ARCHIVE_WINDOW && self.dictionary.is_none()
    }
}

/// Reads the header at the front of `bytes`; [`HEADER_MAX`] bytes are always enough.
#[must_use]
pub fn inspect(bytes: &[u8]) -> Inspected {
    let mut rest = bytes;
    let Some(magic) = take(&mut rest, 4) else { return Inspected::Incomplete };
    match magic {
        0xfd2f_b528 => frame(bytes.len(), rest)
            .map_or(Inspected::Incomplete, |header| header.map_or(Inspected::Other, Inspected::Frame)),
        0x184d_2a50..=0x184d_2a5f => match take(&mut rest, 4) {
            Some(len) => Inspected::Skippable { len: 8 + len },
            None => Inspected::Incomplete,
        },
        _ => Inspected::Other,
    }
}

/// The header behind the magic: `None` when it is cut off, `Some(None)` when it is malformed.
fn frame(total: usize, mut rest: &[u8]) -> Option<Option<FrameHeader>> {
    let descriptor = take(&mut rest, 1)?;
    let single_segment = descriptor & 0x20 != 0;
    if descriptor & 0x08 != 0 {
        return Some(None);
    }
    let by_descriptor = if single_segment { None } else { Some(window(take(&mut rest, 1)?)) };
    let dictionary = take(&mut rest, [0, 1, 2, 4][(descriptor & 3) as usize])?;
    let content_size = match (descriptor >> 6, single_segment) {
        (0, false) => None,
        (0, true) => Some(take(&mut rest, 1)?),
        (1, _) => Some(take(&mut rest, 2)? + 256),
        (2, _) => Some(take(&mut rest, 4)?),
        _ => Some(take(&mut rest, 8)?),
    };
    Some(Some(FrameHeader {
        window: by_descriptor.or(content_size).unwrap_or(0),
        content_size,
        dictionary: u32::try_from(dictionary).ok().filter(|&id| id != 0),
        checksum: descriptor & 0x04 != 0,
        len: total - rest.len(),
    }))
}

/// Bytes of the window by its descriptor: a power of two from 1 KiB on and eighths of it.
const fn window(descriptor: u64) -> u64 {
    let base = 1 << (10 + (descriptor >> 3));
    base + base / 8 * (descriptor & 7)
}

/// The next `count` bytes as a little-endian number.
fn take(rest: &mut &[u8], count: usize) -> Option<u64> {
    let (number, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(number.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}
