//! The thread's part of a transfer: decompressing, checking, handing on.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    sync::Weak,
};

use snowbank_nix::{
    hash::NarHasher,
    nar_info::{Compression, NarInfo},
};

use crate::decoder;

use super::{ContentProblem, pipe::PipeReader};

/// Bytes that are handed on at once.
const PART: usize = 128 << 10;

/// Where compressed bytes come from.
pub(super) enum Source {
    /// A server.
    Pipe {
        reader: PipeReader,
        /// The content encoding of its answer.
        encoding: Option<Compression>,
    },
    /// A folder.
    File(File),
}

/// What became of a NAR.
pub(super) struct Received<F> {
    pub(super) sink: F,
    /// Bytes that were handed to the sink.
    pub(super) handed: u64,
    pub(super) result: Result<(), Trouble>,
}

/// Why a NAR did not come through.
#[derive(Debug)]
pub(super) enum Trouble {
    Sink(io::Error),
    Content(ContentProblem),
}

/// Hands the NAR in `source` to `sink` and compares it with `found`. Reads no more than the NAR's size and an eighth
/// (bytes that do not compress) and 1 MiB; decompresses no more than a part beyond its size. Stops when nobody waits for
/// the outcome any more, who would hold what `waiting` points to.
pub(super) fn receive<F>(source: Source, found: &NarInfo, waiting: &Weak<()>, mut sink: F) -> Received<F>
where
    F: FnMut(&[u8]) -> io::Result<()>,
{
    let mut handed = 0;
    let result = open(source, found).and_then(|reader| {
        copy(reader, found, |part| {
            if waiting.strong_count() == 0 {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            handed += part.len() as u64;
            sink(part)
        })
    });
    Received { sink, handed, result }
}

fn open(source: Source, found: &NarInfo) -> Result<Box<dyn Read>, Trouble> {
    let size = found.info.nar_size;
    let most = size.saturating_add(size / 8).saturating_add(1 << 20);
    let input: Box<dyn BufRead> = match source {
        Source::Pipe { reader, encoding: None } => Box::new(reader.take(most)),
        Source::Pipe { reader, encoding: Some(encoding) } => {
            Box::new(BufReader::new(decoded(encoding, Box::new(reader.take(most)))?.take(most)))
        }
        Source::File(file) => Box::new(BufReader::with_capacity(PART, file).take(most)),
    };
    decoded(found.compression, input)
}

fn decoded(compression: Compression, input: Box<dyn BufRead>) -> Result<Box<dyn Read>, Trouble> {
    let problem = match decoder(compression, input) {
        Ok(Some(reader)) => return Ok(reader),
        Ok(None) => ContentProblem::Unsupported(compression),
        Err(error) => ContentProblem::Compression(error),
    };
    Err(Trouble::Content(problem))
}

fn copy(
    mut reader: Box<dyn Read>,
    found: &NarInfo,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), Trouble> {
    let (wanted, size) = (found.info.nar_hash, found.info.nar_size);
    let (mut hasher, mut left) = (NarHasher::default(), size);
    let mut part = vec![0; PART];
    loop {
        let len = match reader.read(&mut part) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Trouble::Content(ContentProblem::Compression(error))),
        };
        let more = left.checked_sub(len as u64);
        left = more.ok_or(Trouble::Content(ContentProblem::TooLong(size)))?;
        hasher.update(&part[..len]);
        take(&part[..len]).map_err(Trouble::Sink)?;
    }
    let (hash, len) = hasher.finish();
    let problem = if len < size {
        ContentProblem::TooShort { found: len, wanted: size }
    } else if hash != wanted {
        ContentProblem::Hash { found: hash, wanted }
    } else {
        return Ok(());
    };
    Err(Trouble::Content(problem))
}
