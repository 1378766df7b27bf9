//! `--lazy`: what was found is served to the Nix of this machine, which fetches what it needs.

mod background;
mod nix;

use std::sync::Arc;

use snowbank_client::observer::Observer;
use snowbank_client::restore::CachePacks;
use snowbank_client::snapshot::{Snapshot, Source};
use snowbank_client::substituter::{Served, Substituter, Usage, pays};

pub(crate) use background::{stop, substituter};
pub(crate) use nix::{settings, untrusted};

use super::remote::Remote;
use super::session::Session;
use super::stamp;
use crate::args::client::Mode;
use crate::error::{CliError, Result};

/// Who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// This process, as long as it runs.
    Here,
    /// A process of its own, which stays behind.
    Background,
}

/// What is served.
pub(crate) struct Lazily {
    /// Where.
    pub url: String,
    /// How many paths.
    pub paths: u64,
    /// Bytes of their NARs, as far as the snapshot tells.
    pub bytes: u64,
    /// What is asked for, where this process serves.
    pub usage: Usage,
    here: Option<Served>,
}

impl Lazily {
    /// Ends it, if this process serves.
    pub(crate) async fn end(self) {
        if let Some(served) = self.here {
            served.stop.cancel();
            served.ended().await;
        }
    }
}

/// Serves the snapshot, where that is wanted and can be. None where it is to be restored.
pub(crate) async fn serve(
    session: &Session,
    remote: &Remote,
    snapshot: &Snapshot,
    mode: Mode,
    host: Host,
) -> Option<Lazily> {
    let progress = &session.progress;
    if mode == Mode::Eager || (mode == Mode::Auto && !pays(snapshot)) {
        return None;
    }
    let place = session.place.clone();
    let refusal = tokio::task::spawn_blocking(move || nix::refusal(&place)).await.unwrap_or_default();
    if let Some(why) = refusal {
        let text = format!("all is restored, because the Nix of this machine would not ask for it: {why}");
        if mode == Mode::Lazy {
            progress.warn(&text);
        } else {
            progress.say(text);
        }
        return None;
    }
    let begun = match host {
        Host::Here => here(session, remote, snapshot).await,
        Host::Background => background::start(session, remote, snapshot).await,
    };
    match begun {
        Ok(lazily) => {
            progress.say(format!("{} paths are served to Nix, which fetches what it needs", lazily.paths));
            Some(lazily)
        }
        Err(error) => {
            progress.warn(&format!("all is restored, because {}", error.line()));
            None
        }
    }
}

async fn here(session: &Session, remote: &Remote, snapshot: &Snapshot) -> Result<Lazily> {
    let failed = || CliError::failed("it could not be served");
    let secret = secret().map_err(|error| failed().because(error))?;
    let packs = Arc::new(CachePacks { client: remote.client.clone(), versions: session.versions.clone() });
    let observer: Arc<dyn Observer> = session.progress.clone();
    let usage = Usage::default();
    let substituter = Substituter::open(snapshot, packs, usage.clone(), observer).await;
    let paths = substituter.paths() as u64;
    let served = substituter.serve(&secret).await.map_err(|error| failed().because(error))?;
    Ok(Lazily { url: served.url.clone(), paths, bytes: packed(snapshot), usage, here: Some(served) })
}

/// Bytes of NARs in packs.
fn packed(snapshot: &Snapshot) -> u64 {
    let packed = snapshot.paths.values().filter(|path| path.source != Source::Upstream);
    packed.fold(0, |sum, path| sum.saturating_add(path.info.nar_size))
}

/// What nobody guesses, as a part of a URL.
fn secret() -> std::result::Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(nix::MARK.to_owned(), |text, byte| format!("{text}{byte:02x}")))
}

/// Where what is asked for is noted by a process of its own, if there is a folder for it.
fn usage_file(session: &Session) -> Option<std::path::PathBuf> {
    let folder = stamp::folder()?;
    Some(snowbank_client::stamp::usage_file(&folder, &session.place, &session.key))
}

/// What was asked for of what the last restore has others serve.
pub(crate) fn usage(session: &Session) -> Usage {
    usage_file(session).map(|file| Usage::read(&file)).unwrap_or_default()
}

/// Forgets what was asked for before this restore.
pub(crate) fn forget(session: &Session) {
    if let Some(file) = usage_file(session) {
        // None is there at most times.
        let _ = std::fs::remove_file(file);
    }
}
