//! Frames of our own encoder, and frames that lie.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod kit;

use kit::noise;
use proptest::prelude::*;
use snowbank_cas::adopt::{AdoptError, check_frame};
use snowbank_cas::chunker::MAX_CHUNK;
use snowbank_cas::frame::{Decoder, Encoder, FrameError, bound};
use snowbank_cas::id::{ChunkHash, FrameHash};
use snowbank_cas::pack::PackEntry;
use snowbank_cas::zstd_guard::{FrameHeader, Inspected, inspect};

fn encode(chunk: &[u8]) -> Vec<u8> {
    Encoder::new(1).unwrap().encode(chunk).unwrap()
}

/// Half noise, half zeros, so that there is something to compress.
fn chunk(len: usize) -> Vec<u8> {
    [noise(5, len / 2), vec![0; len - len / 2]].concat()
}

/// What an honest footer says of this frame of this chunk.
fn entry(chunk: &[u8], frame: &[u8]) -> PackEntry {
    PackEntry {
        chunk: ChunkHash::of(chunk),
        frame: FrameHash::of(frame),
        raw_len: chunk.len() as u32,
        stored_len: frame.len() as u32,
    }
}

fn adopt(entry: &PackEntry, frame: &[u8]) -> Result<(), AdoptError> {
    check_frame(entry, frame, &mut Decoder::new().unwrap())
}

/// The frame behind another header than its own.
fn with_header(frame: &[u8], header: &[u8]) -> Vec<u8> {
    let Inspected::Frame(FrameHeader { len, .. }) = inspect(frame) else { panic!("a frame") };
    [&frame[..4], header, &frame[len..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_chunk_comes_back_at_every_level(
        chunk in prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..3000),
            (any::<u64>(), 1..300_000usize).prop_map(|(seed, len)| noise(seed, len)),
            (any::<u8>(), 1..300_000usize).prop_map(|(byte, len)| vec![byte; len]),
        ],
        level in 1..10,
    ) {
        let frame = Encoder::new(level).unwrap().encode(&chunk).unwrap();
        prop_assert!(frame.len() <= bound(chunk.len() as u32) as usize);
        prop_assert_eq!(adopt(&entry(&chunk, &frame), &frame), Ok(()));
        let mut out = b"what was there before".to_vec();
        Decoder::new().unwrap().decode_into(&frame, chunk.len() as u32, &mut out).unwrap();
        prop_assert_eq!(out, chunk);
    }

    #[test]
    fn damage_never_gives_other_bytes(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        keep in any::<prop::sample::Index>(),
    ) {
        let chunk = chunk(5000);
        let mut frame = encode(&chunk);
        for (at, byte) in damage {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        frame.truncate(keep.index(frame.len() * 2));
        let mut out = Vec::new();
        match Decoder::new().unwrap().decode_into(&frame, 5000, &mut out) {
            Ok(()) => prop_assert_eq!(out, chunk),
            Err(_) => prop_assert!(out.is_empty()),
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, raw_len: u32) {
        let mut decoder = Decoder::new().unwrap();
        let _ = decoder.decode(&bytes, raw_len);
        let _ = decoder.decode(&[&0xfd2f_b528u32.to_le_bytes(), &bytes[..]].concat(), raw_len % 1000);
    }
}

#[test]
fn one_encoder_and_one_decoder_serve_many_chunks() {
    let mut encoder = Encoder::new(3).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let mut frame = Vec::new();
    for len in [1, 100_000, 7, MAX_CHUNK as usize, 300] {
        let chunk = chunk(len);
        encoder.encode_into(&chunk, &mut frame).unwrap();
        assert_eq!(frame, Encoder::new(3).unwrap().encode(&chunk).unwrap());
        assert_eq!(decoder.decode(&frame, len as u32).unwrap(), chunk);
    }
}

#[test]
fn chunks_of_no_or_too_many_bytes_have_no_frame() {
    let mut encoder = Encoder::new(1).unwrap();
    assert_eq!(encoder.encode(b""), Err(FrameError::ChunkLength(0)));
    let long = vec![0; MAX_CHUNK as usize + 1];
    assert_eq!(encoder.encode(&long), Err(FrameError::ChunkLength(long.len())));
    assert_eq!(Decoder::new().unwrap().decode(b"", 0), Err(FrameError::ChunkLength(0)));
}

#[test]
fn a_frame_of_two_chunks_is_not_adopted() {
    let (one, other) = (chunk(3000), chunk(2000));
    let (first, second) = (encode(&one), encode(&other));
    let both = [first.clone(), second].concat();
    let as_one = adopt(&entry(&[one.clone(), other].concat(), &both), &both);
    assert_eq!(as_one, Err(FrameError::Size { stated: Some(3000), expected: 5000 }.into()));
    let hidden = adopt(&entry(&one, &both), &both);
    assert_eq!(hidden, Err(FrameError::Length { frame: first.len(), given: both.len() }.into()));
}

#[test]
fn a_skippable_frame_beside_the_chunk_is_not_adopted() {
    let chunk = chunk(3000);
    let skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00more".to_vec();
    let before = [skippable.clone(), encode(&chunk)].concat();
    assert_eq!(adopt(&entry(&chunk, &before), &before), Err(FrameError::NotAFrame.into()));
    let behind = [encode(&chunk), skippable].concat();
    assert!(matches!(
        adopt(&entry(&chunk, &behind), &behind),
        Err(AdoptError::Frame(FrameError::Length { .. }))
    ));
}

#[test]
fn a_frame_that_needs_a_dictionary_is_not_adopted() {
    let chunk = chunk(3000);
    // One byte of dictionary id, two of content size, checksum.
    let size = (3000u16 - 256).to_le_bytes();
    let named = with_header(&encode(&chunk), &[0x65, 9, size[0], size[1]]);
    assert_eq!(adopt(&entry(&chunk, &named), &named), Err(FrameError::Dictionary(9).into()));

    // A dictionary of raw content has no id: only decompressing shows that something is missing.
    let mut context = zstd_safe::CCtx::create();
    let mut nameless = Vec::with_capacity(4000);
    context.compress_using_dict(&mut nameless, &chunk, &chunk.clone(), 3).unwrap();
    assert!(matches!(Decoder::new().unwrap().decode(&nameless, 3000), Err(FrameError::Corrupt(_))));
}

#[test]
fn a_frame_with_a_large_window_is_not_adopted() {
    let chunk = chunk(3000);
    let size = (3000u16 - 256).to_le_bytes();
    for (log, expected) in [(23, Ok(())), (24, Err(FrameError::Window(1 << 24).into()))] {
        let frame = with_header(&encode(&chunk), &[0x44, (log - 10) << 3, size[0], size[1]]);
        assert_eq!(adopt(&entry(&chunk, &frame), &frame), expected, "window 2^{log}");
    }
}

#[test]
fn a_frame_of_unstated_size_is_not_adopted() {
    let chunk = chunk(3000);
    let frame = with_header(&encode(&chunk), &[0x04, 0x10]);
    let refused = FrameError::Size { stated: None, expected: 3000 };
    assert_eq!(adopt(&entry(&chunk, &frame), &frame), Err(refused.into()));
}

#[test]
fn a_bloated_frame_is_not_adopted() {
    let chunk = chunk(3000);
    let frame = encode(&chunk);
    let Inspected::Frame(FrameHeader { len, .. }) = inspect(&frame) else { panic!("a frame") };
    // Blocks without content are valid, and any number of them may come first.
    let bloated = [&frame[..len], &[0; 3 * 2000], &frame[len..]].concat();
    assert_eq!(Decoder::new().unwrap().decode(&bloated, 3000).unwrap(), chunk);
    let refused = AdoptError::Bloated { stored: bloated.len() as u32, raw: 3000 };
    assert_eq!(adopt(&entry(&chunk, &bloated), &bloated), Err(refused));
}

#[test]
fn a_frame_without_checksum_is_not_adopted() {
    let chunk = chunk(3000);
    let mut frame = Vec::with_capacity(4000);
    zstd_safe::compress(&mut frame, &chunk, 1).unwrap();
    assert_eq!(adopt(&entry(&chunk, &frame), &frame), Err(AdoptError::NoChecksum));
}

#[test]
fn a_frame_that_is_not_what_its_entry_says_is_not_adopted() {
    let chunk = chunk(3000);
    let frame = encode(&chunk);
    let honest = entry(&chunk, &frame);
    let other = ChunkHash::of(b"other");
    assert_eq!(
        adopt(&PackEntry { chunk: other, ..honest }, &frame),
        Err(AdoptError::ChunkHash(ChunkHash::of(&chunk)))
    );
    assert_eq!(
        adopt(&PackEntry { frame: FrameHash::of(b"other"), ..honest }, &frame),
        Err(AdoptError::FrameHash(FrameHash::of(&frame)))
    );
    assert_eq!(
        adopt(&honest, &frame[1..]),
        Err(AdoptError::StoredLength { stated: honest.stored_len, given: frame.len() - 1 })
    );
    let size = FrameError::Size { stated: Some(3000), expected: 3001 };
    assert_eq!(adopt(&PackEntry { raw_len: 3001, ..honest }, &frame), Err(size.into()));
}
