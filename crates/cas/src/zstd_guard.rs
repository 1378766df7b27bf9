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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

    use super::*;

    /// The start of a stream as a program writes it that does not know how much will follow.
    fn streamed(window_log: u32) -> Vec<u8> {
        let mut context = CCtx::create();
        context.set_parameter(CParameter::WindowLog(window_log)).unwrap();
        context.set_parameter(CParameter::ChecksumFlag(true)).unwrap();
        let mut bytes = Vec::with_capacity(1 << 10);
        let mut out = OutBuffer::around(&mut bytes);
        context.compress_stream(&mut out, &mut InBuffer::around(b"something")).unwrap();
        context.flush_stream(&mut out).unwrap();
        bytes
    }

    #[test]
    fn a_stream_tells_its_window() {
        for log in [10, 17, 23, 25, 27] {
            let Inspected::Frame(header) = inspect(&streamed(log)) else { panic!("window 2^{log}") };
            let expected = FrameHeader {
                window: 1 << log,
                content_size: None,
                dictionary: None,
                checksum: true,
                len: 6,
            };
            assert_eq!(header, expected);
            assert_eq!(header.acceptable_archive(), log <= 25);
        }
    }

    #[test]
    fn headers_are_read_as_the_standard_has_them() {
        let magic = 0xfd2f_b528u32.to_le_bytes();
        let frame = |window, content_size, dictionary, checksum, len| {
            Inspected::Frame(FrameHeader { window, content_size, dictionary, checksum, len })
        };
        let cases: [(&[u8], Inspected); 8] = [
            (&[0x20, 7], frame(7, Some(7), None, false, 6)),
            (&[0x60, 1, 0], frame(257, Some(257), None, false, 7)),
            (&[0xa4, 0, 0, 1, 0], frame(65536, Some(65536), None, true, 9)),
            (&[0xe0, 0, 0, 0, 0, 1, 0, 0, 0], frame(1 << 32, Some(1 << 32), None, false, 13)),
            (&[0x01, 0x00, 5], frame(1024, None, Some(5), false, 7)),
            (&[0x43, 0x0b, 4, 3, 2, 1, 0, 0], frame(2048 + 256 * 3, Some(256), Some(0x0102_0304), false, 12)),
            (&[0x00, 0xa0], frame(1 << 30, None, None, false, 6)),
            (&[0x08, 0xa0], Inspected::Other),
        ];
        for (rest, expected) in cases {
            let bytes = [&magic, rest].concat();
            assert_eq!(inspect(&bytes), expected, "{rest:x?}");
            assert_eq!(
                inspect(&bytes[..5.min(bytes.len() - 1)]),
                match expected {
                    Inspected::Other => Inspected::Other,
                    _ => Inspected::Incomplete,
                }
            );
        }
    }

    #[test]
    fn other_beginnings_are_told_apart() {
        assert_eq!(inspect(b"\x1f\x8b\x08\x00"), Inspected::Other);
        assert_eq!(inspect(b""), Inspected::Incomplete);
        assert_eq!(inspect(b"\x50\x2a\x4d\x18\x04\x00\x00\x00more"), Inspected::Skippable { len: 12 });
        assert_eq!(inspect(b"\x5f\x2a\x4d\x18\x04"), Inspected::Incomplete);
    }

    proptest! {
        #[test]
        fn the_size_is_the_one_that_zstd_sees(mut bytes in proptest::collection::vec(any::<u8>(), 14..30)) {
            bytes[..4].copy_from_slice(&0xfd2f_b528u32.to_le_bytes());
            let theirs = zstd_safe::get_frame_content_size(&bytes);
            match inspect(&bytes) {
                Inspected::Frame(header) if header.len <= HEADER_MAX => {
                    if let Ok(size) = theirs {
                        prop_assert_eq!(size, header.content_size);
                    }
                    let dictionary = zstd_safe::get_dict_id_from_frame(&bytes).map(u32::from);
                    prop_assert!(theirs.is_err() || dictionary == header.dictionary);
                }
                Inspected::Incomplete => {}
                other => prop_assert!(theirs.is_err(), "{other:?}"),
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = inspect(&bytes);
        }
    }
}
