//! Streams that the caller takes apart.

use std::io::{self, BufRead, Read};

use futures::stream::{self, StreamExt};
use proptest::prelude::*;
use snowbank_cas::assemble;
use snowbank_cas::budget::Class;
use snowbank_cas::chunker::{Cutter, Layout};
use snowbank_cas::id::ChunkHash;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{Cuts, IngestError, Pieces, ingest_with};
use snowbank_cas::verify::verify;

use crate::support::{Home, block_on, gather, noise, pieces, small, words, zstd};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Pushes all of `source` and names a boundary behind each of `ends`, rising places of the stream.
fn push_all(mut source: impl BufRead, cuts: &mut Cuts<'_>, ends: &[usize]) -> Result<usize, Failure> {
    let mut at = 0;
    loop {
        let bytes = source.fill_buf()?;
        let next = ends.iter().find(|end| **end > at).map_or(bytes.len(), |end| bytes.len().min(end - at));
        if next == 0 {
            return Ok(at);
        }
        cuts.push(&bytes[..next])?;
        source.consume(next);
        at += next;
        if ends.contains(&at) {
            cuts.boundary();
        }
    }
}

/// The chunks that a client makes of `raw` with boundaries at these places.
fn client(raw: &[u8], ends: &[usize]) -> Vec<ChunkHash> {
    let mut chunks = Vec::new();
    let mut emit = |chunk: &[u8]| chunks.push(ChunkHash::of(chunk));
    let mut cutter = Cutter::new(small().params, Layout::Plain);
    let mut at = 0;
    for &end in ends {
        cutter.push(&raw[at..end], &mut emit).unwrap();
        cutter.boundary(&mut emit);
        at = end;
    }
    cutter.push(&raw[at..], &mut emit).unwrap();
    cutter.finish(&mut emit).unwrap();
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn chunks_are_those_of_a_client_that_cuts_at_the_same_places(
        seed: u64,
        len in 0_usize..60_000,
        mut ends in prop::collection::btree_set(1_usize..60_000, 0..8),
        piece in 1_usize..70_000,
    ) {
        ends.retain(|end| *end <= len);
        let ends: Vec<_> = ends.into_iter().collect();
        let raw = words(seed, len);
        let expected = client(&raw, &ends);
        block_on(async {
            let (home, index) = (Home::new().await, MemoryIndex::default());
            let read = move |source: Pieces, cuts: &mut Cuts<'_>| push_all(source, cuts, &ends);
            let (done, read) =
                ingest_with(&home.bucket, &index, pieces(&raw, piece), read, small()).await.unwrap();
            assert_eq!((read, done.raw_size), (len, len as u64));
            let chunks: Vec<_> =
                index.pages().iter().flat_map(|page| &page.frames).map(|frame| frame.chunk).collect();
            assert_eq!(chunks, expected);
            verify(&home.bucket, index.pages(), &done).await.unwrap();
        });
    }
}

#[tokio::test]
async fn a_reader_keeps_what_it_makes_of_the_source() {
    let (home, index) = (Home::new().await, MemoryIndex::default());
    let raw = words(1, 3_000_000);
    let read = |source: Pieces, cuts: &mut Cuts<'_>| {
        let decoder = zstd::stream::read::Decoder::with_buffer(source)?;
        push_all(io::BufReader::new(decoder), cuts, &[])
    };
    let source = pieces(&zstd(&raw), 10_000);
    let (done, size) = ingest_with(&home.bucket, &index, source, read, small()).await.unwrap();
    assert_eq!((size, done.raw_size), (raw.len(), raw.len() as u64));
    let kept = assemble::chunks(&home.bucket, index.pages(), 0..done.raw_size);
    assert!(gather(kept).await.unwrap() == raw);
    assert_eq!(home.bucket.budget().taken(Class::Job), 0);
}

#[tokio::test]
async fn a_source_that_the_reader_refuses_leaves_nothing() {
    let (home, index) = (Home::new().await, MemoryIndex::default());
    let read = |source: Pieces, cuts: &mut Cuts<'_>| -> Result<(), Failure> {
        push_all(source, cuts, &[])?;
        Err("it is not what it says".into())
    };
    // More than a batch, and less than the frames that a pack may have.
    let source = pieces(&words(1, 700_000), 50_000);
    let options = snowbank_cas::ingest::Options { pack_size: 64 << 20, ..small() };
    let error = ingest_with(&home.bucket, &index, source, read, options).await.unwrap_err();
    assert!(
        matches!(&error, IngestError::Refused(cause) if cause.to_string() == "it is not what it says"),
        "{error:?}"
    );
    assert_eq!((index.begun(), index.pages().len(), home.packs().await.len()), (0, 0, 0));
    assert_eq!(home.bucket.sweep_temporaries().await.unwrap(), 0);
    assert_eq!(home.bucket.budget().taken(Class::Job), 0);
}

#[tokio::test]
async fn a_source_that_breaks_off_is_an_error_for_the_reader_and_told_as_what_it_is() {
    for patient in [false, true] {
        let (home, index) = (Home::new().await, MemoryIndex::default());
        let (tell, told) = std::sync::mpsc::channel();
        let read = move |mut source: Pieces, _: &mut Cuts<'_>| {
            let read = source.read_to_end(&mut Vec::new());
            tell.send(read.is_err())?;
            // Even one that takes it for an end.
            if patient { Ok(0) } else { Ok(read?) }
        };
        let source = pieces(&noise(1, 50_000), 10_000).take(3);
        let broken = source.chain(stream::iter([Err(io::Error::other("gone"))]));
        let error = ingest_with(&home.bucket, &index, broken, read, small()).await.unwrap_err();
        assert!(matches!(&error, IngestError::Source(cause) if cause.to_string() == "gone"), "{error:?}");
        let failed = tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
        assert!(failed, "the reader must not see an end");
        assert!(index.pages().is_empty());
    }
}

#[tokio::test]
async fn a_reader_that_has_enough_leaves_the_rest_of_the_source() {
    let (home, index) = (Home::new().await, MemoryIndex::default());
    let read = |source: Pieces, cuts: &mut Cuts<'_>| push_all(source.take(100), cuts, &[]);
    let source = pieces(&noise(1, 5_000_000), 10_000);
    let (done, size) = ingest_with(&home.bucket, &index, source, read, small()).await.unwrap();
    assert_eq!((size, done.raw_size), (100, 100));
}
