//! What the pipelines cost on one archive, all included: processor seconds, memory, bytes a second.
//!
//! `SNOWBANK_BENCH_ARCHIVE=some.tar.zst cargo bench -p snowbank-cas --bench pipeline`; `SNOWBANK_BENCH_NEXT` names a
//! second archive, of which what is new is told, `SNOWBANK_BENCH_LEVEL` is the zstd level of the frames,
//! `SNOWBANK_BENCH_PARAMS` the chunks' `min,avg,max,threshold` in KiB, `SNOWBANK_BENCH_DIR` a folder for the bucket,
//! `SNOWBANK_BENCH_ROW` a file to write the recoded archive to, for `unzstd`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and has nobody to report to"
)]

use std::error::Error;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Instant;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use snowbank_cas::assemble;
use snowbank_cas::bucket::{Bucket, Place};
use snowbank_cas::budget::Budget;
use snowbank_cas::chunker::Params;
use snowbank_cas::index::memory::MemoryIndex;
use snowbank_cas::ingest::{Options, Plan, ingest};
use snowbank_cas::verify::verify;
use tokio_util::io::{ReaderStream, StreamReader};

/// User and system seconds of this process so far.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// The most memory that this process had at any time, in MiB.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

struct Lap {
    wall: Instant,
    processor: f64,
}

impl Lap {
    fn start() -> Self {
        Self { wall: Instant::now(), processor: processor_seconds() }
    }

    fn stop(&self, what: &str, bytes: u64) -> f64 {
        let (wall, processor) = (self.wall.elapsed().as_secs_f64(), processor_seconds() - self.processor);
        let mb = bytes as f64 / 1e6;
        println!(
            "{what:<28} {wall:6.2} s wall {processor:6.2} s cpu {:8.0} MB/s {:8.0} MB/s and core   peak {:.0} MiB",
            mb / wall,
            mb / processor,
            peak_mib()
        );
        processor
    }
}

async fn drain<E: Error>(stream: impl Stream<Item = Result<Bytes, E>>) -> u64 {
    let mut stream = pin!(stream);
    let mut size = 0;
    while let Some(piece) = stream.next().await {
        size += piece.unwrap().len() as u64;
    }
    size
}

fn main() {
    let Some(archive) = std::env::var_os("SNOWBANK_BENCH_ARCHIVE").map(PathBuf::from) else {
        println!("SNOWBANK_BENCH_ARCHIVE names no .tar.zst: nothing measured");
        return;
    };
    let next = std::env::var_os("SNOWBANK_BENCH_NEXT").map_or_else(|| archive.clone(), PathBuf::from);
    let level = std::env::var("SNOWBANK_BENCH_LEVEL").map_or(1, |level| level.parse().unwrap());
    let params =
        std::env::var("SNOWBANK_BENCH_PARAMS").map_or_else(|_| Params::default(), |text| params(&text));
    let options = Options { level, params, ..Options::default() };
    let parent = std::env::var_os("SNOWBANK_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(parent).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure([archive, next], options, folder.path().to_owned()));
}

fn params(text: &str) -> Params {
    let kib: Vec<u32> = text.split(',').map(|number| number.parse::<u32>().unwrap() << 10).collect();
    Params::new(kib[0], kib[1], kib[2], kib[3]).unwrap()
}

async fn put(bucket: &Bucket, name: &str, file: PathBuf) -> u64 {
    let file = tokio::fs::File::open(file).await.unwrap();
    let stream = ReaderStream::with_capacity(file, 1 << 20);
    bucket.put_stream(name, stream, u64::MAX).await.unwrap().size
}

async fn measure([archive, next]: [PathBuf; 2], options: Options, folder: PathBuf) {
    let bucket =
        Bucket::open(Place::Directory(folder.clone()), &folder, Budget::new(256 << 20)).await.unwrap();
    let size = put(&bucket, "uploads/1/a", archive).await;
    let next_size = put(&bucket, "uploads/1/b", next).await;
    let index = MemoryIndex::default();

    let lap = Lap::start();
    let source = bucket.read_within_job("uploads/1/a", 0..size);
    let ingested = ingest(&bucket, &index, source, Plan::ZstdTar, options).await.unwrap();
    let mut processor = lap.stop("ingest", ingested.raw_size);
    let lap = Lap::start();
    verify(&bucket, index.pages(), &ingested).await.unwrap();
    processor += lap.stop("verify", ingested.raw_size);
    println!("ingest and verify: {:.0} tar MB/s and core", ingested.raw_size as f64 / 1e6 / processor);
    println!(
        "{} frames, tar {:.1} MB, archive {:.1} MB, stored {:.1} MB ({:+.1} %), new {:.1} MB",
        ingested.frames,
        ingested.raw_size as f64 / 1e6,
        size as f64 / 1e6,
        ingested.stored_size as f64 / 1e6,
        100.0 * (ingested.stored_size as f64 / size as f64 - 1.0),
        ingested.new_stored_bytes as f64 / 1e6
    );

    if let Some(file) = std::env::var_os("SNOWBANK_BENCH_ROW") {
        let row = assemble::frames(&bucket, index.pages(), 0..ingested.stored_size);
        let mut reader = pin!(StreamReader::new(row.map(|piece| piece.map_err(std::io::Error::other))));
        let mut file = tokio::fs::File::create(file).await.unwrap();
        tokio::io::copy_buf(&mut reader, &mut file).await.unwrap();
    }

    let again = index.next_recipe();
    let lap = Lap::start();
    let source = bucket.read_within_job("uploads/1/b", 0..next_size);
    let second = ingest(&bucket, &again, source, Plan::ZstdTar, options).await.unwrap();
    lap.stop("ingest the next", second.raw_size);
    println!(
        "{} of {} frames are new, {:.2} MB ({:.2} % of the archive)",
        second.new_frames,
        second.frames,
        second.new_stored_bytes as f64 / 1e6,
        100.0 * second.new_stored_bytes as f64 / next_size as f64
    );

    for _ in 0..3 {
        let lap = Lap::start();
        let size = drain(assemble::frames(&bucket, index.pages(), 0..ingested.stored_size)).await;
        lap.stop("assemble frames", size);
    }
    for _ in 0..3 {
        let lap = Lap::start();
        let size = drain(bucket.read("uploads/1/a", 0..size)).await;
        lap.stop("read an object", size);
    }
    let lap = Lap::start();
    let size = drain(assemble::chunks(&bucket, index.pages(), 0..ingested.raw_size)).await;
    lap.stop("assemble chunks", size);
}
