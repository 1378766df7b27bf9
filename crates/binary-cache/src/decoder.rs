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

/// What `input` holds under `compression`, which is what a `.narinfo` names. `None` for compressions that no cache uses.
/// Not for async threads.
///
/// Its memory is bounded: about 128 MiB (a dictionary of xz and its relatives, or a window of zstd, whose limits are
/// those of their highest levels), and far less for all others; streams that ask for more are refused. What comes out is
/// not bounded: whoever reads counts it. Streams in a row are read as one, as Nix reads them.
///
/// # Errors
/// When memory for it is not to be had, or the beginning of `input` cannot be read or is not allowed. Its reads fail on
/// what is damaged, too large or cut off.
pub fn decoder(compression: Compression, input: Box<dyn BufRead>) -> io::Result<Option<Box<dyn Read>>> {
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

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use liblzma::stream::{Check, Filters, LzmaOptions};
    use proptest::prelude::*;

    use super::*;

    const READABLE: [Compression; 9] = [
        Compression::None,
        Compression::Xz,
        Compression::Lzma,
        Compression::Lzip,
        Compression::Zstd,
        Compression::Bzip2,
        Compression::Gzip,
        Compression::Lz4,
        Compression::Brotli,
    ];

    fn decode(compression: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        let reader = decoder(compression, Box::new(Cursor::new(bytes.to_vec())))?.unwrap();
        reader.take(1 << 20).read_to_end(&mut plain)?;
        Ok(plain)
    }

    fn xz(bytes: &[u8], dictionary: u32) -> Vec<u8> {
        let mut options = LzmaOptions::new_preset(0).unwrap();
        options.dict_size(dictionary);
        let stream = Stream::new_stream_encoder(Filters::new().lzma2(&options), Check::Crc32).unwrap();
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn streams_in_a_row_are_one() {
        let (a, b) = (b"hello, ".as_slice(), b"world".as_slice());
        for (compression, parts) in [
            (Compression::Xz, [xz(a, 1 << 20), xz(b, 1 << 16)]),
            (Compression::Zstd, [a, b].map(|part| zstd::encode_all(part, 3).unwrap())),
            (Compression::Gzip, [gzip(a), gzip(b)]),
            (Compression::Bzip2, [bzip2(a), bzip2(b)]),
        ] {
            assert_eq!(decode(compression, &parts.concat()).unwrap(), b"hello, world", "{compression:?}");
        }
    }

    #[test]
    fn dictionaries_and_windows_are_bounded() {
        assert_eq!(decode(Compression::Xz, &xz(b"x", 64 << 20)).unwrap(), b"x");
        decode(Compression::Xz, &xz(b"x", 256 << 20)).unwrap_err();

        // A frame header with a window of two to that power and no content size, and a last empty block.
        let frame = |log: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 1, 0, 0];
        assert_eq!(decode(Compression::Zstd, &frame(27)).unwrap(), b"");
        decode(Compression::Zstd, &frame(28)).unwrap_err();

        // "Hello World" with a large window, as browsers test that they refuse it.
        let large = [17, 25, 20, 0, 2, 72, 101, 108, 108, 111, 32, 87, 111, 114, 108, 100, 3];
        let error = decode(Compression::Brotli, &large).unwrap_err();
        assert!(error.to_string().contains("window"), "{error}");
    }

    #[test]
    fn what_no_cache_uses_is_not_read() {
        for compression in [Compression::Compress, Compression::Grzip, Compression::Lrzip, Compression::Lzop]
        {
            assert!(decoder(compression, Box::new(Cursor::new(b""))).unwrap().is_none(), "{compression:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            which in 0..READABLE.len(),
        ) {
            let _ = decode(READABLE[which], &bytes);
        }

        #[test]
        fn damaged_streams_never_panic(at in any::<prop::sample::Index>(), by in 1..=255_u8) {
            let text = b"some text, some text, and some other text".as_slice();
            for (compression, mut bytes) in [
                (Compression::Xz, xz(text, 1 << 16)),
                (Compression::Zstd, zstd::encode_all(text, 3).unwrap()),
                (Compression::Gzip, gzip(text)),
                (Compression::Bzip2, bzip2(text)),
            ] {
                let at = at.index(bytes.len());
                bytes[at] ^= by;
                let _ = decode(compression, &bytes);
            }
        }
    }
}
