//! A NAR that goes straight to the daemon: all that it refers to is valid.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use snowbank_nix::daemon::{AddOptions, Daemon, DaemonError};
use snowbank_nix::path_info::PathInfo;

use super::super::SinkError;
use super::failed;

/// Chunks that wait for the daemon: at most a mebibyte each.
const WAITING: usize = 4;

/// What goes to the thread that talks to the daemon.
enum Part {
    Bytes(Vec<u8>),
    /// That was all of it. Without this, the path was given up.
    End,
}

/// A path on its way.
pub(super) struct Straight {
    to: SyncSender<Part>,
    thread: JoinHandle<Result<Daemon<UnixStream>, DaemonError>>,
}

impl Straight {
    /// Begins to add a path by way of `daemon`, in a thread of its own.
    pub(super) fn begin(daemon: Daemon<UnixStream>, info: PathInfo, options: AddOptions) -> Self {
        let (to, parts) = sync_channel(WAITING);
        let thread = std::thread::spawn(move || add(daemon, &info, options, &parts));
        Self { to, thread }
    }

    /// Sends the next bytes; false when the daemon takes no more of them.
    pub(super) fn write(&self, bytes: &[u8]) -> bool {
        self.to.send(Part::Bytes(bytes.to_vec())).is_ok()
    }

    /// Ends the path, which is valid then. Gives the connection back.
    pub(super) fn finish(self) -> Result<Daemon<UnixStream>, SinkError> {
        // The thread has ended already where this cannot be sent, and tells why.
        let _ = self.to.send(Part::End);
        drop(self.to);
        match self.thread.join() {
            Ok(Ok(daemon)) => Ok(daemon),
            Ok(Err(error @ DaemonError::Refused(_))) => Err(SinkError::Path(Box::new(error))),
            Ok(Err(error)) => Err(SinkError::Store(failed(error).0)),
            Err(_) => Err(SinkError::Store("a thread came to an unexpected end".into())),
        }
    }
}

fn add(
    mut daemon: Daemon<UnixStream>,
    info: &PathInfo,
    options: AddOptions,
    parts: &Receiver<Part>,
) -> Result<Daemon<UnixStream>, DaemonError> {
    // Somebody may have made it meanwhile; the daemon would read the NAR for nothing.
    if daemon.is_valid(&info.path)? {
        while let Ok(Part::Bytes(_)) = parts.recv() {}
        return Ok(daemon);
    }
    let mut adding = daemon.add(info, options)?;
    loop {
        match parts.recv() {
            Ok(Part::Bytes(bytes)) => {
                // What went wrong, the end tells better.
                if adding.write_all(&bytes).is_err() {
                    break;
                }
            }
            Ok(Part::End) => break,
            Err(_) => {
                drop(adding);
                return Ok(daemon);
            }
        }
    }
    adding.finish()?;
    Ok(daemon)
}
