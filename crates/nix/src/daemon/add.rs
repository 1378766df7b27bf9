//! Adding paths: infos and NARs in one stream of frames (each its length, u64, and so many bytes; one of none is the
//! last), for Nix's `AddToStoreNar` and `AddMultipleToStore`.

use std::io::{self, Write};

use super::{
    Daemon, DaemonError, Offered, Stream,
    request::{Operation, Request},
    stderr,
};
use crate::path_info::PathInfo;

/// Bytes of a frame, and all that is held.
const FRAME: usize = 64 << 10;

/// How paths are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddOptions {
    /// Take a path without a signature that the daemon trusts. Daemons heed it for trusted users only.
    pub dont_check_signatures: bool,
    /// Replace what is there of a path that is valid already.
    pub repair: bool,
}

impl<S: Stream> Daemon<S> {
    /// Begins to add the path that `info` tells of; its NAR is written to what is given back, then
    /// [`finish`](AddPath::finish)ed. All of its references must be valid.
    ///
    /// # Errors
    /// When the daemon cannot be reached.
    pub fn add(&mut self, info: &PathInfo, options: AddOptions) -> Result<AddPath<'_, S>, DaemonError> {
        let request = Request::of(Operation::AddToStoreNar)
            .info(&self.dir, info)
            .truth(options.repair)
            .truth(options.dont_check_signatures);
        self.begin(&request)?;
        Ok(AddPath { frames: Frames::new(self), size: info.nar_size, left: info.nar_size })
    }

    /// Begins to add `count` paths, references first, in one stream: the daemon makes valid one after the other as they
    /// come, so that what was complete stays when the rest is cut off.
    ///
    /// None of them should be valid already: Nix 2.8 leaves the NAR of such a path unread and takes it for what comes
    /// next, so that it refuses the rest.
    ///
    /// # Errors
    /// When the daemon cannot be reached.
    pub fn add_many(&mut self, count: u64, options: AddOptions) -> Result<AddMany<'_, S>, DaemonError> {
        let request = Request::of(Operation::AddMultipleToStore)
            .truth(options.repair)
            .truth(options.dont_check_signatures);
        self.begin(&request)?;
        let mut frames = Frames::new(self);
        frames.push(Request::default().number(count).bytes())?;
        Ok(AddMany { frames, announced: count, begun: 0, size: 0, left: 0 })
    }
}

/// One path that is being added. Dropped before [`finish`](Self::finish), the connection is of no more use and the
/// path does not become valid once the connection is dropped too.
#[derive(Debug)]
pub struct AddPath<'d, S> {
    frames: Frames<'d, S>,
    size: u64,
    left: u64,
}

impl<S: Stream> AddPath<'_, S> {
    /// Ends the NAR and waits for the path to be valid.
    ///
    /// # Errors
    /// When the daemon refuses the path (another hash, no good signature, a reference that is not valid), has failed
    /// while it was sent, or the NAR is too short.
    pub fn finish(mut self) -> Result<(), DaemonError> {
        self.frames.check()?;
        complete(self.size, self.left)?;
        self.frames.finish()
    }
}

impl<S: Stream> Write for AddPath<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frames.part(bytes, self.size, &mut self.left)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Many paths that are being added. Dropped before [`finish`](Self::finish), the connection is of no more use, and the
/// path under way does not become valid once the connection is dropped too.
#[derive(Debug)]
pub struct AddMany<'d, S> {
    frames: Frames<'d, S>,
    announced: u64,
    begun: u64,
    size: u64,
    left: u64,
}

impl<'d, S: Stream> AddMany<'d, S> {
    /// Begins the next path; exactly `info.nar_size` bytes are to be written to what is given back.
    ///
    /// # Errors
    /// When the daemon has refused or failed, the NAR before is too short, or no more paths were announced.
    pub fn next(&mut self, info: &PathInfo) -> Result<NarSink<'_, 'd, S>, DaemonError> {
        self.frames.check()?;
        complete(self.size, self.left)?;
        self.begun += 1;
        if self.begun > self.announced {
            return Err(self.amount());
        }
        let request = Request::default().info(&self.frames.daemon.dir, info);
        self.frames.push(request.bytes())?;
        (self.size, self.left) = (info.nar_size, info.nar_size);
        Ok(NarSink(self))
    }

    /// Ends the stream and waits for all paths to be valid.
    ///
    /// # Errors
    /// When the daemon refuses a path, has failed while they were sent, or something that was announced is missing.
    pub fn finish(mut self) -> Result<(), DaemonError> {
        self.frames.check()?;
        complete(self.size, self.left)?;
        if self.begun != self.announced {
            return Err(self.amount());
        }
        self.frames.finish()
    }

    const fn amount(&self) -> DaemonError {
        DaemonError::Amount { what: "wrong number of paths", given: self.begun, announced: self.announced }
    }
}

/// Takes the NAR of one of [`AddMany`]'s paths.
///
/// What the daemon says against it while it is written is told by the error of a write, and again, with its kind, by the
/// next call on [`AddMany`].
#[derive(Debug)]
pub struct NarSink<'m, 'd, S>(&'m mut AddMany<'d, S>);

impl<S: Stream> Write for NarSink<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let AddMany { frames, size, left, .. } = &mut *self.0;
        frames.part(bytes, *size, left)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn complete(size: u64, left: u64) -> Result<(), DaemonError> {
    match left {
        0 => Ok(()),
        left => Err(DaemonError::Amount { what: "a short archive", given: size - left, announced: size }),
    }
}

/// A stream of frames to a daemon that may say something meanwhile.
#[derive(Debug)]
struct Frames<'d, S> {
    daemon: &'d mut Daemon<S>,
    /// Room for the frame's length, and the frame.
    frame: Vec<u8>,
    /// Why it ended early, until it is told.
    failed: Option<DaemonError>,
}

/// Bytes of a frame's length.
const LENGTH: usize = 8;

impl<'d, S: Stream> Frames<'d, S> {
    fn new(daemon: &'d mut Daemon<S>) -> Self {
        let mut frame = Vec::with_capacity(LENGTH + FRAME);
        frame.resize(LENGTH, 0);
        Self { daemon, frame, failed: None }
    }

    /// Tells what has failed while something was written.
    fn check(&mut self) -> Result<(), DaemonError> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Takes bytes of a NAR, of which `left` may come.
    fn part(&mut self, bytes: &[u8], size: u64, left: &mut u64) -> io::Result<usize> {
        let length = bytes.len() as u64;
        if length > *left {
            let given = (size - *left).saturating_add(length);
            let error = DaemonError::Amount { what: "a long archive", given, announced: size };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        if let Err(error) = self.push(bytes) {
            let text = error.to_string();
            self.failed = Some(error);
            return Err(io::Error::other(text));
        }
        *left -= length;
        Ok(bytes.len())
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), DaemonError> {
        if self.failed.is_some() {
            return Err(DaemonError::Broken);
        }
        while !bytes.is_empty() {
            let room = LENGTH + FRAME - self.frame.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.frame.extend_from_slice(now);
            bytes = later;
            if self.frame.len() == LENGTH + FRAME {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Sends the frame, which may be the empty one that ends the stream.
    fn send(&mut self) -> Result<(), DaemonError> {
        let length = (self.frame.len() - LENGTH) as u64;
        self.frame[..LENGTH].copy_from_slice(&length.to_le_bytes());
        let mut rest = self.frame.as_slice();
        while !rest.is_empty() {
            match self.daemon.wire.offer(rest) {
                Ok(Offered::Written(written)) => rest = &rest[written.min(rest.len())..],
                Ok(Offered::Incoming) => incoming(self.daemon)?,
                // Whoever hangs up may have said why.
                Err(DaemonError::Closed) => return Err(last_words(self.daemon)),
                Err(error) => return Err(error),
            }
        }
        self.frame.truncate(LENGTH);
        Ok(())
    }

    fn finish(mut self) -> Result<(), DaemonError> {
        if self.frame.len() > LENGTH {
            self.send()?;
        }
        self.send()?;
        self.daemon.end()
    }
}

/// Reads a message that comes in the middle.
fn incoming<S: Stream>(daemon: &mut Daemon<S>) -> Result<(), DaemonError> {
    if stderr::step(&mut daemon.wire)? {
        return Err(DaemonError::Protocol("its consent before all was sent"));
    }
    Ok(())
}

fn last_words<S: Stream>(daemon: &mut Daemon<S>) -> DaemonError {
    match stderr::wait(&mut daemon.wire) {
        Err(error @ DaemonError::Refused(_)) => error,
        _ => DaemonError::Closed,
    }
}
