//! What the cutter promises of every stream.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod kit;

use std::collections::HashSet;

use kit::{chunk_hashes, cut, cut_at, noise, small};
use proptest::prelude::*;
use snowbank_cas::chunker::{Layout, Params};

/// Streams with random parts and runs of one byte.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        (any::<u64>(), 0..6000usize).prop_map(|(seed, len)| noise(seed, len)),
        (any::<u8>(), 0..6000usize).prop_map(|(byte, len)| vec![byte; len]),
    ];
    proptest::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn chunks_are_the_stream_whatever_slices_it_comes_in(
        stream in stream(),
        ends in proptest::collection::vec(any::<usize>(), 0..20),
    ) {
        let whole = cut(small(), Layout::Plain, &stream).unwrap();
        prop_assert_eq!(&cut_at(small(), Layout::Plain, &stream, &ends).unwrap(), &whole);
        prop_assert_eq!(whole.concat(), stream);
        let (min, max) = (small().min() as usize, small().max() as usize);
        for (i, chunk) in whole.iter().enumerate() {
            prop_assert!((1..=max).contains(&chunk.len()));
            prop_assert!(chunk.len() > min || i + 1 == whole.len());
        }
    }

    #[test]
    fn an_insertion_changes_only_the_chunks_around_it(seed: u64, at in 0..200_000usize, len in 1..300usize) {
        let stream = noise(seed, 200_000);
        let changed = [&stream[..at], &noise(!seed, len), &stream[at..]].concat();
        let known: HashSet<_> = chunk_hashes(small(), Layout::Plain, &stream).into_iter().collect();
        let new = chunk_hashes(small(), Layout::Plain, &changed).iter().filter(|hash| !known.contains(hash)).count();
        prop_assert!(new <= 24, "{new} of {} chunks are new", known.len());
    }
}

#[test]
fn byte_by_byte_is_as_good_as_at_once() {
    let stream = noise(7, 20_000);
    let ends: Vec<usize> = (0..stream.len()).collect();
    assert_eq!(
        cut_at(small(), Layout::Plain, &stream, &ends).unwrap(),
        cut(small(), Layout::Plain, &stream).unwrap()
    );
}

#[test]
fn an_empty_stream_has_no_chunks() {
    assert_eq!(cut(small(), Layout::Plain, b"").unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_run_of_zeros_is_cut_at_the_maximum() {
    let params = Params::default();
    let chunks = cut(params, Layout::Plain, &vec![0; 3 * params.max() as usize]).unwrap();
    assert_eq!(chunks.iter().map(Vec::len).collect::<Vec<_>>(), [params.max() as usize; 3]);
}

#[test]
fn chunks_are_about_as_long_as_asked_for() {
    let params = Params::default();
    let stream = noise(1, 32 << 20);
    let count = cut(params, Layout::Plain, &stream).unwrap().len();
    let mean = stream.len() / count;
    let avg = params.avg() as usize;
    assert!((avg * 3 / 4..avg * 3 / 2).contains(&mean), "the mean is {mean}");
}

/// Data that was stored with an older build must be found again by a newer one.
#[test]
fn the_cuts_are_those_of_this_version() {
    let params = Params::new(32 << 10, 128 << 10, 512 << 10, 1).unwrap();
    let chunks = cut(params, Layout::Plain, &noise(0, 1 << 20)).unwrap();
    let lengths: Vec<usize> = chunks.iter().map(Vec::len).collect();
    assert_eq!(lengths, [160_041, 159_661, 136_407, 205_910, 163_921, 187_149, 35_487]);
}
