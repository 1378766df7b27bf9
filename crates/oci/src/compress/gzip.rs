//! gzip by several threads (RFC 1952): a row of members, each of which is compressed by itself. Every reader takes such a row
//! for one file; eStargz layers are made so, too.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, sync_channel};

use libdeflater::{CompressionLvl, Compressor};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Bytes that are compressed by themselves.
const BLOCK: usize = 1 << 20;

/// Twice as fast as zlib's level 6, and smaller.
const LEVEL: i32 = 4;

/// Compresses what is written to it. Holds two blocks for each thread and one more, before and after they are
/// compressed: 18 MiB with four threads.
pub(super) struct Gzip<W> {
    sink: W,
    pool: ThreadPool,
    most: usize,
    block: Vec<u8>,
    /// Blocks under way, the oldest first.
    waiting: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    /// Whether there is a member: a file without any is none.
    begun: bool,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(threads: usize, sink: W) -> io::Result<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|_| "gzip".to_owned());
        let pool = pool.build().map_err(io::Error::other)?;
        let (block, waiting) = (Vec::new(), VecDeque::new());
        Ok(Self { sink, pool, most: 2 * threads, block, waiting, begun: false })
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.hand_out()?;
        while !self.waiting.is_empty() {
            self.take_back()?;
        }
        Ok(self.sink)
    }

    fn hand_out(&mut self) -> io::Result<()> {
        if self.block.is_empty() && self.begun {
            return Ok(());
        }
        self.begun = true;
        while self.waiting.len() >= self.most {
            self.take_back()?;
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let (sender, receiver) = sync_channel(1);
        self.pool.spawn(move || {
            // Nobody waits for it any more where the writer was dropped.
            let _ = sender.send(member(&block));
        });
        self.waiting.push_back(receiver);
        Ok(())
    }

    fn take_back(&mut self) -> io::Result<()> {
        let Some(oldest) = self.waiting.pop_front() else { return Ok(()) };
        let member = oldest.recv().map_err(io::Error::other)??;
        self.sink.write_all(&member)
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

/// A block as a file of its own, with no name and no time.
fn member(block: &[u8]) -> io::Result<Vec<u8>> {
    let level = CompressionLvl::new(LEVEL).map_err(|_| io::Error::other("there is no such level"))?;
    let mut compressor = Compressor::new(level);
    let mut bytes = vec![0; compressor.gzip_compress_bound(block.len())];
    let len = compressor.gzip_compress(block, &mut bytes).map_err(io::Error::other)?;
    bytes.truncate(len);
    Ok(bytes)
}
