//! From store paths to a compressed tar, by several threads.

use std::io::{self, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use sha2::{Digest as _, Sha256};
use snowbank_nix::store_path::StoreDir;

use super::outlet::Outlet;
use crate::compress::Compressor;
use crate::compression::Compression;
use crate::destination::BlobError;
use crate::digest::Digest;
use crate::layer::{LayerError, LayerSpec, write_layer};
use crate::record::LayerRecord;
use crate::tree::Trees;

/// Bytes of a tar that are passed on at once.
const BUFFER: usize = 512 << 10;

/// How many of them wait.
const WAITING: usize = 4;

/// How a layer is made.
pub(super) struct Pipeline<'a> {
    pub(super) layer: &'a LayerSpec,
    pub(super) dir: &'a StoreDir,
    pub(super) trees: &'a dyn Trees,
    pub(super) compression: Compression,
    pub(super) threads: NonZero<usize>,
}

/// What comes from the thread that reads.
enum Message {
    Bytes(Vec<u8>),
    End,
}

impl Pipeline<'_> {
    /// Makes the layer: this thread reads the paths and writes the tar, a second one hashes the tar, passes it on to be
    /// compressed, and hashes what comes of that.
    ///
    /// Holds 64 MiB at most and 3 MiB: 3 MiB between the threads, 3 MiB in the outlet, [`MAX_SORTED`] bytes of renamed
    /// files, and what the compressor holds; and what the open trees do.
    ///
    /// [`MAX_SORTED`]: crate::layer::MAX_SORTED
    pub(super) fn run(&self, outlet: Outlet) -> Result<LayerRecord, BlobError> {
        let (sender, receiver) = sync_channel(WAITING);
        thread::scope(|scope| {
            let builder = thread::Builder::new().name("layer".to_owned());
            let rest = builder.spawn_scoped(scope, move || self.rest(&receiver, outlet))?;
            let written = self.tar(sender);
            let made = rest.join().map_err(|_| "the thread that compresses it failed")?;
            match written {
                // Why the other one stopped is then the reason.
                Err(LayerError::Sink(error)) => made.and(Err(error.into())),
                Err(error) => Err(error.into()),
                Ok(()) => made,
            }
        })
    }

    fn tar(&self, sender: SyncSender<Message>) -> Result<(), LayerError> {
        let passing = Passing { sender, buffer: Vec::with_capacity(BUFFER) };
        write_layer(self.layer, self.dir, self.trees, passing)?.finish().map_err(LayerError::Sink)
    }

    fn rest(&self, receiver: &Receiver<Message>, outlet: Outlet) -> Result<LayerRecord, BlobError> {
        let (mut sha256, mut diff_size) = (Sha256::new(), 0);
        let mut compressor = Compressor::new(self.compression, self.threads, outlet)?;
        loop {
            match receiver.recv() {
                Ok(Message::Bytes(bytes)) => {
                    // What compresses has threads of its own, so it gets its work first.
                    compressor.write_all(&bytes)?;
                    sha256.update(&bytes);
                    diff_size += bytes.len() as u64;
                }
                Ok(Message::End) => break,
                Err(_) => return Err("the layer is not complete".into()),
            }
        }
        let diff_id = Digest::from_bytes(sha256.finalize().into());
        let (digest, size) = compressor.finish()?.finish()?;
        Ok(LayerRecord { diff_id, diff_size: Some(diff_size), digest, size, compression: self.compression })
    }
}

/// Passes a tar on to the other thread.
struct Passing {
    sender: SyncSender<Message>,
    buffer: Vec<u8>,
}

impl Passing {
    fn pass(&mut self) -> io::Result<()> {
        let bytes = std::mem::replace(&mut self.buffer, Vec::with_capacity(BUFFER));
        self.send(Message::Bytes(bytes))
    }

    fn send(&self, message: Message) -> io::Result<()> {
        self.sender.send(message).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn finish(mut self) -> io::Result<()> {
        self.pass()?;
        self.send(Message::End)
    }
}

impl Write for Passing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(BUFFER - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..len]);
        if self.buffer.len() == BUFFER {
            self.pass()?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
