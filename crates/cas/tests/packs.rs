//! Whole packs, and footers that lie.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod kit;

use std::io::Write;
use std::process::{Command, Stdio};

use kit::noise;
use proptest::prelude::*;
use snowbank_cas::chunker;
use snowbank_cas::frame::Encoder;
use snowbank_cas::id::{ChunkHash, FrameHash, ObjectHash};
use snowbank_cas::pack::{
    Footer, MAX_FRAMES, MAX_OBJECT, PackBuilder, PackEntry, PackError, object_size, trailer_len,
};

/// A pack of these chunks: its footer and the whole object.
fn pack(chunks: &[Vec<u8>]) -> (Footer, Vec<u8>, ObjectHash) {
    let mut encoder = Encoder::new(1).unwrap();
    let mut builder = PackBuilder::default();
    let mut object = Vec::new();
    for chunk in chunks {
        let frame = encoder.encode(chunk).unwrap();
        let offset = builder.push(ChunkHash::of(chunk), chunk.len() as u32, &frame).unwrap();
        assert_eq!(offset as usize, object.len());
        object.extend(frame);
    }
    let (footer, tail, hash) = builder.finish();
    object.extend(tail);
    (footer, object, hash)
}

fn chunks() -> Vec<Vec<u8>> {
    (1..50).map(|seed| [noise(seed, 100 * seed as usize), vec![7; 3000]].concat()).collect()
}

/// Reads the footer as from a bucket: first the trailer, then all of it.
fn read(object: &[u8]) -> Result<Footer, PackError> {
    let trailer = &object[object.len().saturating_sub(trailer_len() as usize)..];
    let length = Footer::len_from_trailer(trailer, object.len() as u64)?;
    Footer::decode(&object[object.len() - length as usize..], object.len() as u64)
}

fn zstd(arguments: &[&str], input: Vec<u8>) -> (bool, Vec<u8>) {
    let mut child =
        Command::new("zstd").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    (output.status.success(), output.stdout)
}

#[test]
fn a_pack_is_a_zstd_stream_of_its_chunks() {
    let chunks = chunks();
    let (_, object, hash) = pack(&chunks);
    assert_eq!(hash, ObjectHash::of(&object));
    assert!(zstd(&["-q", "-t"], object.clone()).0);
    assert_eq!(zstd(&["-q", "-d", "-c"], object), (true, chunks.concat()));
}

#[test]
fn a_footer_says_where_each_frame_lies() {
    let chunks = chunks();
    let (footer, object, _) = pack(&chunks);
    assert_eq!(read(&object), Ok(footer.clone()));
    let frames = footer.entries.iter().map(|entry| u64::from(entry.stored_len));
    assert_eq!(object_size(chunks.len() as u64, frames.sum()), object.len() as u64);
    assert_eq!(footer.chunker_version, chunker::VERSION);
    assert_eq!(footer.entries.len(), chunks.len());
    for ((offset, entry), chunk) in footer.entries_with_offsets().zip(&chunks) {
        let frame = &object[offset as usize..][..entry.stored_len as usize];
        assert_eq!((entry.frame, entry.chunk), (FrameHash::of(frame), ChunkHash::of(chunk)));
    }
}

fn entry(stored_len: u32) -> PackEntry {
    PackEntry { chunk: ChunkHash::of(b""), frame: FrameHash::of(b""), raw_len: 8 << 20, stored_len }
}

#[test]
fn a_builder_keeps_to_its_target() {
    let mut builder = PackBuilder::new(1000);
    assert!(builder.fits(5000), "an empty pack takes any frame");
    builder.push_hashed(entry(900), &[0; 900]).unwrap();
    assert!(builder.fits(100) && !builder.fits(101) && !builder.is_full());
    builder.push_hashed(entry(100), &[0; 100]).unwrap();
    assert!(builder.is_full() && builder.stored() == 1000);
    let refused = PackError::Entry { index: 2, raw_len: 8 << 20, stored_len: 2 };
    assert_eq!(builder.push_hashed(entry(2), &[0]), Err(refused));
}

#[test]
fn a_builder_stops_at_the_limits_of_every_pack() {
    let mut builder = PackBuilder::default();
    for _ in 0..MAX_FRAMES {
        assert!(!builder.is_full());
        builder.push_hashed(entry(1), &[0]).unwrap();
    }
    assert!(builder.is_full() && !builder.fits(1));
    assert_eq!(builder.push_hashed(entry(1), &[0]), Err(PackError::Full));

    let mut builder = PackBuilder::new(u64::MAX);
    let frame = vec![0; 8 << 20];
    let pushed = (0..32).take_while(|_| builder.push_hashed(entry(8 << 20), &frame).is_ok()).count();
    assert_eq!(pushed, 31);
}

/// A footer with a right checksum over whatever it says, behind `frames` bytes.
fn forged(frames: usize, entries: &[PackEntry]) -> Vec<u8> {
    let footer = Footer { entries: entries.to_vec(), chunker_version: 1 }.encode();
    [vec![0; frames], footer].concat()
}

/// The object with one byte of its end changed and the checksum made right again.
fn resealed(mut object: Vec<u8>, from_end: usize, byte: u8) -> Vec<u8> {
    let len = object.len();
    object[len - from_end] = byte;
    let count = u32::from_le_bytes(object[len - 36..len - 32].try_into().unwrap()) as usize;
    let body = len.saturating_sub(36 + count * 72);
    let sum = blake3::hash(&object[body..len - 24]);
    object[len - 24..len - 8].copy_from_slice(&sum.as_bytes()[..16]);
    object
}

#[test]
fn each_lie_is_told_apart() {
    let (_, honest, _) = pack(&chunks()[..3]);
    let len = honest.len() as u64;
    let changed = |from_end: usize, byte: u8| {
        let mut object = honest.clone();
        let at = object.len() - from_end;
        object[at] = byte;
        object
    };
    let footer = 8 + 3 * 72 + 36;
    let of = |raw_len, stored_len| PackEntry { raw_len, ..entry(stored_len) };
    let lie = |raw_len, stored_len| PackError::Entry { index: 1, raw_len, stored_len };
    let cases = [
        ("nothing", vec![], PackError::NotAPack),
        ("no magic", changed(1, b'k'), PackError::NotAPack),
        ("later format", changed(28, 2), PackError::Version(2)),
        ("no frames", forged(10, &[]), PackError::Count(0)),
        ("too many frames", changed(35, 0x20), PackError::Count(0x2003)),
        ("changed chunk hash", changed(36 + 72, 1), PackError::Checksum),
        ("changed checksum", changed(24, honest[honest.len() - 24] ^ 1), PackError::Checksum),
        ("wrong framing", changed(footer, 0), PackError::Framing),
        ("wrong length of framing", changed(footer - 4, 0), PackError::Framing),
        ("fewer frames than records", resealed(honest.clone(), 36, 2), PackError::Framing),
        ("more frames than records", resealed(honest.clone(), 36, 4), PackError::Framing),
        (
            "a byte before the frames",
            [&[0], &honest[..]].concat(),
            PackError::Sum { sum: len, object: len + 1 },
        ),
        ("a byte less", honest[1..].to_vec(), PackError::Sum { sum: len, object: len - 1 }),
        ("empty chunk", forged(20, &[of(5, 10), of(0, 10)]), lie(0, 10)),
        ("empty frame", forged(20, &[of(5, 20), of(5, 0)]), lie(5, 0)),
        ("huge chunk", forged(20, &[of(5, 10), of((8 << 20) + 1, 10)]), lie((8 << 20) + 1, 10)),
        ("bloated frame", forged(80, &[of(5, 10), of(5, 70)]), lie(5, 70)),
        (
            "frames beyond the object",
            forged(20, &[of(5, 10), entry(u32::from(u16::MAX))]),
            PackError::Sum { sum: 8 + 144 + 36 + 10 + 65535, object: 8 + 144 + 36 + 20 },
        ),
    ];
    for (what, object, error) in cases {
        assert_eq!(read(&object), Err(error), "{what}");
    }
    let tail = &honest[honest.len() - footer..];
    assert_eq!(Footer::decode(tail, MAX_OBJECT + 1), Err(PackError::TooLarge(MAX_OBJECT + 1)));
    assert_eq!(
        Footer::decode(&honest, len),
        Err(PackError::Length { footer: footer as u64, given: len }),
        "more than the footer"
    );
}

proptest! {
    #[test]
    fn a_footer_comes_back(
        frames in proptest::collection::vec((any::<[u8; 32]>(), any::<[u8; 32]>(), 1..5000u32), 1..30),
        chunker_version: u32,
    ) {
        let entries = frames.iter().map(|&(chunk, frame, len)| PackEntry {
            chunk: ChunkHash::from_bytes(chunk),
            frame: FrameHash::from_bytes(frame),
            raw_len: len,
            stored_len: len,
        });
        let footer = Footer { entries: entries.collect(), chunker_version };
        let frames: u64 = frames.iter().map(|&(_, _, len)| u64::from(len)).sum();
        let tail = footer.encode();
        prop_assert_eq!(Footer::decode(&tail, frames + tail.len() as u64), Ok(footer));
    }

    #[test]
    fn a_changed_byte_is_always_noticed(at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let (_, mut object, _) = pack(&[noise(1, 900), noise(2, 90)]);
        let at = object.len() - 1 - at.index(8 + 2 * 72 + 36);
        object[at] ^= flip;
        prop_assert!(read(&object).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, count in 0..6u8, object: u64) {
        let _ = Footer::decode(&bytes, object);
        let end = [&[count, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..], &[0; 16], b"SNOWPACK"].concat();
        let sealed = resealed([vec![0; 8 + 72 * usize::from(count)], end].concat(), 30, count);
        let _ = Footer::decode(&sealed, object);
        let _ = read(&[&bytes[..], &sealed].concat());
    }
}
