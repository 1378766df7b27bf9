//! What each step of storing a chunk costs on one core: cutting, hashing, compressing, decompressing.
//!
//! `SNOWBANK_BENCH_FILE=some.tar cargo bench -p snowbank-cas --bench cut`. Bytes per second of processor time,
//! the best of three rounds, because the machine may have other things to do.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and has nobody to report to"
)]

use std::hint::black_box;

use snowbank_cas::chunker::{Cutter, Layout, Params};
use snowbank_cas::frame::{Decoder, Encoder};
use snowbank_cas::id::ChunkHash;

/// Nanoseconds that this thread ran so far.
fn ran() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

fn report(step: &str, bytes: usize, mut work: impl FnMut() -> String) {
    let mut best = u64::MAX;
    let mut remark = String::new();
    for _ in 0..3 {
        let start = ran();
        remark = work();
        best = best.min(ran() - start);
    }
    println!("{step:20} {:7.0} MB/s   {remark}", bytes as f64 * 1e3 / best as f64);
}

/// The chunks of `data`, read a mebibyte at a time as from a file; `None` when it is no tar.
fn cut(data: &[u8], layout: Layout, emit: &mut dyn FnMut(&[u8])) -> Option<()> {
    let mut cutter = Cutter::new(Params::default(), layout);
    for slice in data.chunks(1 << 20) {
        cutter.push(slice, emit).ok()?;
    }
    cutter.finish(emit).ok()
}

fn main() {
    let Some(path) = std::env::var_os("SNOWBANK_BENCH_FILE") else {
        println!("SNOWBANK_BENCH_FILE names the file to cut; nothing to do without it");
        return;
    };
    let data = std::fs::read(path).unwrap();
    let count = |layout| {
        let mut chunks = 0;
        let whole = cut(&data, layout, &mut |_| chunks += 1);
        whole.map_or("not a tar".to_owned(), |()| format!("{chunks} chunks"))
    };
    report("cut, plain", data.len(), || count(Layout::Plain));
    report("cut, tar", data.len(), || count(Layout::Tar));

    let mut chunks: Vec<Vec<u8>> = Vec::new();
    if cut(&data, Layout::Tar, &mut |chunk| chunks.push(chunk.to_vec())).is_none() {
        chunks.clear();
        cut(&data, Layout::Plain, &mut |chunk| chunks.push(chunk.to_vec())).unwrap();
    }
    report("BLAKE3", data.len(), || {
        chunks.iter().for_each(|chunk| _ = black_box(ChunkHash::of(chunk)));
        String::new()
    });
    for level in [1, 3] {
        let mut frames = Vec::new();
        let mut encoder = Encoder::new(level).unwrap();
        report(&format!("encode, zstd -{level}"), data.len(), || {
            frames = chunks.iter().map(|chunk| encoder.encode(chunk).unwrap()).collect();
            format!("{} bytes stored of {}", frames.iter().map(Vec::len).sum::<usize>(), data.len())
        });
        let mut decoder = Decoder::new().unwrap();
        report(&format!("decode, zstd -{level}"), data.len(), || {
            for (chunk, frame) in chunks.iter().zip(&frames) {
                black_box(decoder.decode(frame, chunk.len() as u32).unwrap());
            }
            String::new()
        });
    }
}
