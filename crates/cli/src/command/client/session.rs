//! What a client command works with: the store, the series, the upstreams, who is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_client::series::{Key, KeyError, Naming, Versions};
use snowbank_nix::store::{Place, StoreError};

use super::progress::Progress;
use super::upstreams::upstreams;
use crate::args::client::{Service, Store, Talk};
use crate::error::{CliError, Result};

/// What a client command works with.
pub(crate) struct Session {
    /// The store.
    pub place: Place,
    /// The series.
    pub key: Key,
    /// Where else to look.
    pub prefixes: Vec<String>,
    /// How its entries are called.
    pub naming: Naming,
    /// The versions of its entries.
    pub versions: Versions,
    /// The upstream caches.
    pub upstreams: Upstreams,
    /// The folder of Nix's own caches, where they are to be saved and restored.
    pub nix_cache: Option<PathBuf>,
    /// Names this run.
    pub run: String,
    /// Who is told.
    pub progress: Arc<Progress>,
    /// Whether a cache that cannot be used is a failure.
    pub strict: bool,
}

/// The arguments that name a series.
pub(crate) struct Series<'a> {
    pub key: Option<&'a str>,
    pub prefixes: &'a [String],
    pub immutable: bool,
}

impl Session {
    /// # Errors
    /// When an argument cannot be right.
    pub(crate) fn new(series: &Series<'_>, service: &Service, store: &Store, talk: Talk) -> Result<Self> {
        let system = system();
        let wrong =
            |what: &str, error: KeyError| CliError::usage(format!("{what} is not valid")).because(error);
        let key = series.key.map_or_else(|| format!("nix-{system}"), str::to_owned);
        let key = key.parse().map_err(|error| wrong("--key", error))?;
        for prefix in series.prefixes {
            snowbank_client::series::check(prefix).map_err(|error| wrong("--restore-key", error))?;
        }
        let place = place(store);
        let progress = Arc::new(Progress::new(talk.quiet));
        Ok(Self {
            versions: Versions::new(&system, place.dir()),
            upstreams: upstreams(store, &place, &progress)?,
            nix_cache: nix_cache(store),
            place,
            key,
            prefixes: series.prefixes.to_vec(),
            naming: if series.immutable { Naming::Immutable } else { Naming::Generations },
            run: run(),
            progress,
            strict: service.strict,
        })
    }

    /// What was looked for in vain.
    pub(crate) fn sought(&self) -> String {
        let what = match self.naming {
            Naming::Generations => "no generation of the key that this job can see",
            Naming::Immutable => "no entry of the key that this job can see",
        };
        match self.prefixes.as_slice() {
            [] => what.to_owned(),
            prefixes => format!("{what}, and none that begins with {}", prefixes.join(" or ")),
        }
    }

    /// What a cache that cannot be used comes to: a warning, unless the user wants to know.
    ///
    /// # Errors
    /// With `--strict`.
    pub(crate) fn outage(&self, error: CliError) -> Result<()> {
        if self.strict {
            return Err(error);
        }
        self.progress.warn(&error.line());
        for hint in error.hints {
            self.progress.say(format!("hint: {hint}"));
        }
        Ok(())
    }
}

/// The store, and where its daemon listens if that is told as Nix is told it.
pub(crate) fn place(store: &Store) -> Place {
    place_at(store.root.as_deref())
}

/// The store below this root, else the system's.
pub(crate) fn place_at(root: Option<&Path>) -> Place {
    let place = root.map_or_else(Place::system, Place::below);
    match std::env::var_os("NIX_DAEMON_SOCKET_PATH") {
        Some(socket) if !socket.is_empty() => place.listening_at(socket.into()),
        _ => place,
    }
}

/// A store that cannot be read, with the cure where there is none.
pub(crate) fn unread(error: StoreError) -> CliError {
    let failed = CliError::failed("could not read the Nix store");
    match &error {
        StoreError::Absent(_) => failed.because(error).hint(ABSENT),
        _ => failed.because(error),
    }
}

/// What to do where there is no store.
pub(super) const ABSENT: &str = "install Nix first, or name the store that is meant with --store ROOT: `nix-store --store ROOT --verify` makes an empty one";

/// This machine, in Nix's words: `x86_64-linux`.
pub(crate) fn system() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    format!("{}-{os}", std::env::consts::ARCH)
}

/// The workflow's run, all jobs of which are one; outside of one, this process.
fn run() -> String {
    let of_workflow = std::env::var("GITHUB_RUN_ID").ok().filter(|id| !id.is_empty() && id.len() < 100);
    of_workflow.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        format!("{:x}-{:x}", now.as_nanos(), std::process::id())
    })
}

/// `~/.cache/nix`, unless the store is a private one or the user says otherwise.
fn nix_cache(store: &Store) -> Option<PathBuf> {
    if store.no_nix_cache || (store.root.is_some() && store.nix_cache.is_none()) {
        return None;
    }
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_user =
        || Some(variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?.join("nix"));
    store.nix_cache.clone().or_else(of_user)
}

/// Where packs are made: big temporary files belong on a disk.
pub(crate) fn spool() -> PathBuf {
    match std::env::var_os("TMPDIR") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => PathBuf::from("/var/tmp"),
    }
}
