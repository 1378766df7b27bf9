//! A store that belongs to root, written by a helper that runs as root and does nothing else: it is given paths to
//! write, and neither a token nor an address.

mod channel;
mod error;
mod serve;
mod sink;
#[cfg(test)]
mod tests;
pub mod wire;

use std::collections::BTreeSet;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Realisation;
use snowbank_nix::store_path::StorePath;
use tempfile::TempDir;

use super::{Claimed, Writer, WriterError};
use channel::{Channel, accept};
pub use error::HelperError;
use error::{gone, lost};
pub use serve::serve_helper;
pub use sink::HelperSink;
use wire::{Answer, Ask, Info};

/// A store written by a helper.
pub struct HelperWriter {
    first: Mutex<Channel>,
    idle: Arc<Mutex<Vec<Channel>>>,
    listener: UnixListener,
    child: Mutex<Child>,
    // Holds the socket; nobody but this user, and root, reaches it.
    _folder: TempDir,
}

impl HelperWriter {
    /// Starts `command`, which runs [`serve_helper`] with the path of a socket that is added to its arguments.
    ///
    /// # Errors
    /// When it does not come, or cannot write to the store.
    pub fn start(command: &mut Command) -> Result<Self, HelperError> {
        let folder = tempfile::tempdir().map_err(HelperError::Start)?;
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).map_err(HelperError::Start)?;
        listener.set_nonblocking(true).map_err(HelperError::Start)?;
        let command = command.arg(&socket).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(HelperError::Start)?;
        let mut first = match accept(&listener, &mut child) {
            Ok(first) => first,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        let begun = first.answer();
        let writer = Self {
            first: Mutex::new(first),
            idle: Arc::default(),
            listener,
            child: Mutex::new(child),
            _folder: folder,
        };
        match begun? {
            Answer::Done => Ok(writer),
            Answer::Failed { why, .. } => Err(HelperError::Refused(why)),
            _ => Err(HelperError::Confused),
        }
    }

    fn ask(&self, asked: &Ask) -> Result<Answer, WriterError> {
        let answer = lock(&self.first).ask(asked).map_err(lost)?;
        match answer {
            Answer::Failed { why, .. } => Err(WriterError(why.into())),
            answer => Ok(answer),
        }
    }

    /// A connection for a NAR.
    fn channel(&self) -> Result<Channel, WriterError> {
        if let Some(channel) = lock(&self.idle).pop() {
            return Ok(channel);
        }
        // Whose connection it is, is certain: one is asked for at a time.
        let mut first = lock(&self.first);
        wire::write_message(&mut first.to, &Ask::Connect).map_err(gone).map_err(lost)?;
        let channel = accept(&self.listener, &mut lock(&self.child)).map_err(lost)?;
        match first.answer().map_err(lost)? {
            Answer::Done => Ok(channel),
            _ => Err(lost(HelperError::Confused)),
        }
    }
}

impl Drop for HelperWriter {
    fn drop(&mut self) {
        lock(&self.idle).clear();
        let _ = lock(&self.first).to.get_ref().shutdown(std::net::Shutdown::Both);
        // It lets go of what it keeps, then ends.
        let _ = lock(&self.child).wait();
    }
}

impl Writer for HelperWriter {
    type Sink = HelperSink;

    fn keep(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, WriterError> {
        match self.ask(&Ask::Keep(wire::texts(paths)))? {
            Answer::Valid(valid) => named(&valid),
            _ => Err(lost(HelperError::Confused)),
        }
    }

    fn at_once(&self, wanted: usize) -> usize {
        // What it cannot say, it cannot do: the next thing that it is asked fails.
        match self.ask(&Ask::AtOnce(wanted)) {
            Ok(Answer::Count(count)) => count.max(1),
            _ => 1,
        }
    }

    fn claim(&self, paths: &BTreeSet<StorePath>) -> Result<Claimed, WriterError> {
        match self.ask(&Ask::Claim(wire::texts(paths)))? {
            Answer::Claimed { claimed, busy, valid } => {
                Ok(Claimed { claimed: named(&claimed)?, busy: named(&busy)?, valid: named(&valid)? })
            }
            _ => Err(lost(HelperError::Confused)),
        }
    }

    fn begin(&self, info: &PathInfo) -> Result<HelperSink, WriterError> {
        let mut channel = self.channel()?;
        wire::write_message(&mut channel.to, &Ask::Begin(Info::from(info))).map_err(gone).map_err(lost)?;
        Ok(HelperSink::new(channel, Arc::clone(&self.idle)))
    }

    fn commit(&self, infos: &[&PathInfo]) -> Result<Vec<(StorePath, String)>, WriterError> {
        let infos = infos.iter().map(|info| Info::from(*info)).collect();
        match self.ask(&Ask::Commit(infos))? {
            Answer::Refused(refused) => refused
                .into_iter()
                .map(|(path, why)| Ok((wire::parse(&path).map_err(gone).map_err(lost)?, why)))
                .collect(),
            _ => Err(lost(HelperError::Confused)),
        }
    }

    fn discard(&self, path: &StorePath) {
        // One that is gone has given everything up.
        let _ = self.ask(&Ask::Discard(path.to_string()));
    }

    fn realise(&self, realisations: &[Realisation]) -> Result<(), WriterError> {
        self.ask(&Ask::Realise(realisations.iter().map(Into::into).collect())).map(drop)
    }
}

fn named(texts: &[String]) -> Result<BTreeSet<StorePath>, WriterError> {
    wire::paths(texts).map_err(gone).map_err(lost)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
