//! Compressing layers, to the same bytes whatever the number of threads.
//!
//! The bytes hang on the libraries' releases all the same.

mod gzip;

use std::io::{self, Write};
use std::num::NonZero;

use gzip::Gzip;
use zstd::stream::raw::CParameter;

use crate::compression::Compression;

/// Level of zstd.
const LEVEL: i32 = 3;

/// Bytes that a thread compresses at once.
const JOB: u32 = 2 << 20;

/// What a job looks back on: an eighth of the window, as at this level by default.
const OVERLAP: u32 = 6;

/// The most threads that are used: each takes about 8 MiB.
pub const MAX_THREADS: usize = 4;

/// Compresses what is written to it. Holds at most 40 MiB, with [`MAX_THREADS`].
pub struct Compressor<W: Write>(Inner<W>);

enum Inner<W: Write> {
    None(W),
    Gzip(Gzip<W>),
    Zstd(Box<zstd::stream::write::Encoder<'static, W>>),
}

impl<W: Write> Compressor<W> {
    /// A compressor that uses so many threads, and at most [`MAX_THREADS`].
    ///
    /// # Errors
    /// When there is no memory or no thread for it.
    pub fn new(compression: Compression, threads: NonZero<usize>, sink: W) -> io::Result<Self> {
        let threads = threads.get().min(MAX_THREADS);
        Ok(Self(match compression {
            Compression::None => Inner::None(sink),
            Compression::Gzip => Inner::Gzip(Gzip::new(threads, sink)?),
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(sink, LEVEL)?;
                // One thread beside this one even where one is asked for: without any, the bytes are others.
                encoder.set_parameter(CParameter::NbWorkers(u32::try_from(threads).unwrap_or(1)))?;
                encoder.set_parameter(CParameter::JobSize(JOB))?;
                encoder.set_parameter(CParameter::OverlapSizeLog(OVERLAP))?;
                encoder.set_parameter(CParameter::EnableLongDistanceMatching(false))?;
                encoder.include_checksum(true)?;
                Inner::Zstd(Box::new(encoder))
            }
        }))
    }

    /// Ends the stream and gives the sink back.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Inner::None(sink) => Ok(sink),
            Inner::Gzip(gzip) => gzip.finish(),
            Inner::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::None(sink) => sink.write(bytes),
            Inner::Gzip(gzip) => gzip.write(bytes),
            Inner::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// Passes nothing on: to end a block early would change the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
