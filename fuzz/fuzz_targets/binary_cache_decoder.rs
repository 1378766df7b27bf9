//! Whatever is sent under a compression is decompressed or refused, in bounded memory.
#![no_main]

use std::io::{Cursor, Read as _};

use libfuzzer_sys::fuzz_target;
use snowbank_binary_cache::decoder;
use snowbank_nix::nar_info::Compression;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (which, bytes) = input;
    let compression = match which % 9 {
        0 => Compression::None,
        1 => Compression::Xz,
        2 => Compression::Lzma,
        3 => Compression::Lzip,
        4 => Compression::Zstd,
        5 => Compression::Bzip2,
        6 => Compression::Gzip,
        7 => Compression::Lz4,
        _ => Compression::Brotli,
    };
    if let Ok(Some(reader)) = decoder(compression, Box::new(Cursor::new(bytes))) {
        let mut plain = Vec::new();
        let _ = reader.take(1 << 20).read_to_end(&mut plain);
    }
});
