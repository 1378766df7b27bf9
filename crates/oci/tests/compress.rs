//! Compressed streams: the same for any number of threads, and what others read.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::io::Write;
use std::num::NonZero;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use snowbank_oci::compress::Compressor;
use snowbank_oci::compression::Compression;

fn compressed(compression: Compression, threads: usize, data: &[u8], piece: usize) -> Vec<u8> {
    let threads = NonZero::new(threads).unwrap();
    let mut compressor = Compressor::new(compression, threads, Vec::new()).unwrap();
    for piece in data.chunks(piece) {
        compressor.write_all(piece).unwrap();
        compressor.flush().unwrap();
    }
    compressor.finish().unwrap()
}

/// Bytes of which some repeat and some do not.
fn data(len: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_le_bytes()[7]
    };
    (0..len).map(|at| if at % 4096 < 3000 { b"snow"[at % 4] } else { next() }).collect()
}

fn piped(program: &str, arguments: &[&str], input: Vec<u8>) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{program}");
    output.stdout
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let data = data(11_000_001);
    for compression in [Compression::Zstd, Compression::Gzip, Compression::None] {
        let wanted = compressed(compression, 1, &data, 1 << 20);
        for threads in 2..=8 {
            assert!(
                compressed(compression, threads, &data, 77_777) == wanted,
                "{compression}, {threads} threads"
            );
        }
    }
}

#[test]
fn the_usual_programs_read_it() {
    let python = "import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
    for len in [0, 1, 1 << 20, (1 << 20) + 1, 9_000_000] {
        let data = data(len);
        let zstd = compressed(Compression::Zstd, 2, &data, 100_000);
        assert!(piped("zstd", &["-dc"], zstd) == data, "zstd of {len} bytes");
        let gzip = compressed(Compression::Gzip, 2, &data, 100_000);
        assert!(piped("gzip", &["-dc"], gzip.clone()) == data, "gzip of {len} bytes");
        assert!(piped("python3", &["-c", python], gzip) == data, "gzip of {len} bytes, by Python");
        assert!(compressed(Compression::None, 2, &data, 100_000) == data);
    }
}

#[test]
fn what_cannot_be_compressed_comes_back() {
    // One after the other, the bytes of a stream that is compressed already.
    let noise = compressed(Compression::Zstd, 1, &data(20_000_000), 1 << 20);
    assert!(piped("gzip", &["-dc"], compressed(Compression::Gzip, 2, &noise, 1 << 20)) == noise);
}

#[test]
fn a_gzip_stream_says_nothing_of_when_and_where() {
    let gzip = compressed(Compression::Gzip, 1, b"snow", 4);
    assert_eq!(gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn how_it_is_written_changes_no_byte(bytes: Vec<u8>, piece in 1usize..100) {
        for compression in [Compression::Zstd, Compression::Gzip] {
            let whole = compressed(compression, 1, &bytes, usize::MAX);
            prop_assert_eq!(compressed(compression, 2, &bytes, piece), whole);
        }
    }
}
