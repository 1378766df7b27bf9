//! Undoing the compressions of binary caches.

use std::io::{self, BufRead, Read};

use liblzma::{
    bufread::XzDecoder,
    stream::{CONCATENATED, Stream},
};
use snowbank_nix::nar_info::Compression;

/// Memory for the dictionary of one stream in xz and its relatives, in bytes: twice what their highest level needs.
const MOST_MEMORY: u64 = 128 << 20;

/// The binary logarithm of the largest window of zstd, in bytes: that of its highest level, and its own default.
const MOST_WINDOW_LOG: u32 = 27;

/// Bytes of brotli input that are read at once. Its window has at most 16 MiB.
const BROTLI_INPUT: usize = 64 << 10;

/// What `input` holds under `compression`, in memory bounded by the constants of this module. `None` for compressions
/// that no cache uses.
pub(super) fn decoder(
    compression: Compression,
    input: Box<dyn BufRead>,
) -> io::Result<Option<Box<dyn Read>>> {
    Ok(Some(match compression {
        Compression::None => Box::new(input),
        Compression::Xz => xz(Stream::new_stream_decoder(MOST_MEMORY, CONCATENATED)?, input),
        Compression::Lzma => xz(Stream::new_lzma_decoder(MOST_MEMORY)?, input),
        Compression::Lzip => xz(Stream::new_lzip_decoder(MOST_MEMORY, CONCATENATED)?, input),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
            decoder.window_log_max(MOST_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(input)),
        Compression::Brotli => Box::new(brotli(input)?),
        Compression::Compress | Compression::Grzip | Compression::Lrzip | Compression::Lzop => {
            return Ok(None);
        }
    }))
}

fn xz(stream: Stream, input: Box<dyn BufRead>) -> Box<dyn Read> {
    Box::new(XzDecoder::new_stream(input, stream))
}

fn brotli(mut input: Box<dyn BufRead>) -> io::Result<impl Read> {
    // A first byte that RFC 7932 (section 9.1) leaves free means a window of up to 1 GiB to the library.
    if input.fill_buf()?.first().is_some_and(|byte| byte & 0x7f == 0x11) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its window is larger than 16 MiB"));
    }
    Ok(brotli_decompressor::Decompressor::new(input, BROTLI_INPUT))
}
