//! Restoring by whoever may write to the store: this process, a helper that runs as root, or Nix's daemon.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_client::restore::writer::{DaemonWriter, HelperError, HelperWriter, RootWriter, Writer};
use snowbank_client::restore::{CachePacks, Miss, Reason, Report, Restore, RestoreError};
use snowbank_nix::daemon::Trust;
use snowbank_nix::store::{Place, StoreError};

use super::session::{ABSENT, Session, spool};
use crate::args::client::WriterKind;
use crate::error::{CliError, Result};

/// What keeps restored paths from the garbage collector until it is dropped.
pub(crate) type Held = Box<dyn Send + Sync>;

/// Who writes.
pub(super) enum By {
    Us(Arc<RootWriter>),
    Helper(Arc<HelperWriter>),
    Daemon(Arc<DaemonWriter>),
}

/// What a restore needs but for its writer.
pub(crate) struct Restoring<'a> {
    pub session: &'a Session,
    pub writer: WriterKind,
    /// Makes the restore for a writer.
    pub with: &'a Template<'a>,
}

/// A restore without its writer.
pub(crate) struct Template<'a> {
    pub snapshot: &'a snowbank_client::snapshot::Snapshot,
    pub roots: Option<&'a std::collections::BTreeSet<snowbank_nix::store_path::StorePath>>,
    pub packs: &'a Arc<CachePacks>,
    pub upstream: &'a Arc<Upstreams>,
    pub options: &'a snowbank_client::restore::Options,
    pub observer: &'a Arc<dyn snowbank_client::observer::Observer>,
    pub cancel: &'a Arc<std::sync::atomic::AtomicBool>,
}

impl Restoring<'_> {
    /// Restores.
    ///
    /// # Errors
    /// When nobody can write to the store, or nothing can be restored.
    pub(crate) async fn run(&self) -> Result<(Report, Held)> {
        let (session, kind) = (self.session, self.writer);
        let place = session.place.clone();
        let opened = tokio::task::spawn_blocking(move || open(&place, kind)).await;
        match opened.map_err(|error| CliError::failed("could not open the store").because(error))?? {
            By::Us(writer) => self.by(writer).await,
            By::Helper(writer) => self.by(writer).await,
            By::Daemon(writer) => {
                let (report, held) = self.by(Arc::clone(&writer)).await?;
                let refused = report.missed.values().filter(|miss| lacks_a_signature(miss)).count();
                if refused > 0 && writer.trust() != Trust::Trusted {
                    session.progress.warn(&format!(
                        "the Nix daemon does not trust this user, and took {refused} paths without a signature for none of its own"
                    ));
                    session.progress.say(
                        "hint: add this user to `trusted-users` in nix.conf, or sign what is saved with a key in its `trusted-public-keys`",
                    );
                }
                Ok((report, held))
            }
        }
    }

    async fn by<W: Writer>(&self, writer: Arc<W>) -> Result<(Report, Held)> {
        let Template { snapshot, roots, packs, upstream, options, observer, cancel } = *self.with;
        let place = &self.session.place;
        let restore =
            Restore { snapshot, roots, place, writer: &writer, packs, upstream, options, observer, cancel };
        let restored = Box::pin(restore.run())
            .await
            .map_err(|error: RestoreError| CliError::failed("could not restore the store").because(error))?;
        Ok((restored.report, Box::new(restored.held)))
    }
}

/// Whether the daemon would have taken the path, or what it needs, from a user whom it trusts. Nix of all versions says
/// `because it lacks a valid signature` or `because it lacks a signature by a trusted key`.
pub(super) fn lacks_a_signature(miss: &Miss) -> bool {
    miss.reason == Reason::Refused && miss.detail.contains("because it lacks a")
}

/// Opens the store, as its owner, by the helper or by the daemon: whoever may first.
pub(super) fn open(place: &Place, kind: WriterKind) -> Result<By> {
    let failed = || CliError::failed("could not write to the store");
    if place.database().try_exists().is_ok_and(|exists| !exists) {
        return Err(failed().because(StoreError::Absent(place.database())).hint(ABSENT));
    }
    let ours = || RootWriter::open(place.clone()).map(Arc::new).map(By::Us);
    let helper = || HelperWriter::start(&mut helper(place)?).map(Arc::new).map(By::Helper);
    let daemon = || DaemonWriter::connect(place.clone(), spool()).map(Arc::new).map(By::Daemon);
    match kind {
        WriterKind::Root => ours().map_err(|error| failed().because(error)),
        WriterKind::Helper => helper().map_err(|error| failed().because(error)),
        WriterKind::Daemon => daemon().map_err(|error| failed().because(error)),
        WriterKind::Auto => {
            let ours = match ours() {
                Ok(by) => return Ok(by),
                Err(error) => error,
            };
            // Root can do no more as root.
            let helped = (!is_root()).then(helper);
            let helped = match helped {
                Some(Ok(by)) => return Ok(by),
                Some(Err(error)) => Some(error),
                None => None,
            };
            daemon().map_err(|error| {
                let nobody = format!("nobody may write to the store {}", place.store().display());
                let mut failure = CliError::failed(nobody).because(ours);
                if let Some(error) = helped {
                    failure = failure.because(error);
                }
                failure.because(error).hint(
                    "run this as the store's owner (`sudo -E`), let this user run it by `sudo -n`, or start the Nix daemon",
                )
            })
        }
    }
}

/// This program as the helper, by sudo where this is not root. It gets nothing of the environment: no token.
fn helper(place: &Place) -> std::result::Result<Command, HelperError> {
    let program = std::env::current_exe().map_err(HelperError::Start)?;
    let mut command = if is_root() {
        Command::new(program)
    } else {
        let mut command = Command::new("sudo");
        command.args(["-n", "--"]).arg(program);
        command
    };
    command.env_clear().arg("store-helper");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    if let Some(root) = place.root() {
        command.arg("--store").arg(root);
    }
    // A group of its own: Ctrl-C is for this process, which decides what becomes of what is written.
    command.process_group(0);
    Ok(command)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
