//! gzip by several threads (RFC 1952): one member, whose blocks are compressed each by itself.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, sync_channel};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Bytes that are compressed by themselves.
const BLOCK: usize = 1 << 20;

/// No name, no time, any system, no remark on the level.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A last block of deflate with nothing in it (RFC 1951).
const END: [u8; 2] = [3, 0];

/// Compresses what is written to it. Holds two blocks for each thread and one more, before and after they are
/// compressed: 18 MiB with four threads.
pub(super) struct Gzip<W> {
    sink: W,
    pool: ThreadPool,
    most: usize,
    block: Vec<u8>,
    /// Blocks under way, the oldest first.
    waiting: VecDeque<Receiver<io::Result<Block>>>,
    crc: Crc,
}

struct Block {
    bytes: Vec<u8>,
    crc: Crc,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(threads: usize, mut sink: W) -> io::Result<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|_| "gzip".to_owned());
        let pool = pool.build().map_err(io::Error::other)?;
        sink.write_all(&HEADER)?;
        Ok(Self {
            sink,
            pool,
            most: 2 * threads,
            block: Vec::new(),
            waiting: VecDeque::new(),
            crc: Crc::new(),
        })
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.hand_out()?;
        while !self.waiting.is_empty() {
            self.take_back()?;
        }
        self.sink.write_all(&END)?;
        self.sink.write_all(&self.crc.sum().to_le_bytes())?;
        // Modulo 2^32, as the format has it, and the crate counts so.
        self.sink.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.sink)
    }

    fn hand_out(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        while self.waiting.len() >= self.most {
            self.take_back()?;
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let (sender, receiver) = sync_channel(1);
        self.pool.spawn(move || {
            // Nobody waits for it any more where the writer was dropped.
            let _ = sender.send(deflate(&block));
        });
        self.waiting.push_back(receiver);
        Ok(())
    }

    fn take_back(&mut self) -> io::Result<()> {
        let Some(oldest) = self.waiting.pop_front() else { return Ok(()) };
        let block = oldest.recv().map_err(io::Error::other)??;
        self.crc.combine(&block.crc);
        self.sink.write_all(&block.bytes)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..len]);
        if self.block.len() == BLOCK {
            self.hand_out()?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A block that knows nothing of what stands before it, and ends at a whole byte.
fn deflate(block: &[u8]) -> io::Result<Block> {
    let mut crc = Crc::new();
    crc.update(block);
    let mut compress = Compress::new(Compression::new(6), false);
    // What cannot be compressed takes five bytes more for each 16 KiB, at most.
    let mut bytes = Vec::with_capacity(block.len() + block.len() / 1024 + 64);
    loop {
        let (taken, room) = (usize::try_from(compress.total_in()).unwrap_or(block.len()), bytes.capacity());
        let status = compress.compress_vec(&block[taken..], &mut bytes, FlushCompress::Sync);
        match status.map_err(io::Error::other)? {
            Status::Ok | Status::BufError if bytes.len() == room => bytes.reserve(1024),
            // All of it was taken, and what was left of it filled the last room to the byte.
            Status::BufError if taken == block.len() => return Ok(Block { bytes, crc }),
            Status::BufError => return Err(io::Error::other("a block cannot be compressed")),
            _ => return Ok(Block { bytes, crc }),
        }
    }
}
