//! Which files Nix reads its settings and logins from.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use snowbank_client::nix_conf::{Line, NixConf, Sources, lines};
use snowbank_client::set_up;
use snowbank_client::set_up::file::FileError;
use url::Url;

use crate::args::client::Store;
use crate::args::use_cache::Use;
use crate::command::client::{nix_sources, place};
use crate::error::{CliError, Result};

/// Where Determinate Nix wants additions: it makes `nix.conf` anew at each start, and includes this file.
const CUSTOM: &str = "nix.custom.conf";

/// The files that are changed.
pub(super) struct Files {
    /// Of settings.
    pub conf: PathBuf,
    /// Of logins.
    pub netrc: PathBuf,
    /// The file of logins that an earlier run has named in `conf`.
    pub named_before: Option<PathBuf>,
    /// Whether Nix looks into another one unless `conf` names it.
    elsewhere: bool,
    /// Whether `conf` is the whole machine's.
    pub system: bool,
}

impl Files {
    /// Those that the arguments name; else those that count for this user.
    ///
    /// # Errors
    /// When Nix's settings cannot be read.
    pub(super) fn of(args: &Use, cache: &Url) -> Result<Self> {
        let system = rustix::process::geteuid().is_root();
        let mut sources = nix_sources();
        if system {
            // The daemon reads no user's files.
            sources = Sources { conf_dir: sources.conf_dir, ..Sources::default() };
        }
        let conf = args.conf.clone().unwrap_or_else(|| match sources.user_files.last() {
            Some(own) => own.clone(),
            None => system_conf(&sources.conf_dir),
        });
        if args.conf.is_some() {
            sources.user_files.push(conf.clone());
        }
        let told = NixConf::read(&sources)
            .map_err(|error| CliError::failed("could not read Nix's configuration").because(error))?;
        let text = std::fs::read(&conf).unwrap_or_default();
        let named_before = set_up::netrc_file(&text, cache);
        let own = conf.parent().unwrap_or(Path::new("/")).join("netrc");
        let asked = args.netrc_file.clone();
        let netrc = asked.unwrap_or_else(|| match system || writable(&told.netrc_file) {
            true => told.netrc_file.clone(),
            false => own,
        });
        let elsewhere = netrc != told.netrc_file;
        Ok(Self { conf, netrc, named_before, elsewhere, system })
    }

    /// The file of logins, where `conf` must name it.
    pub(super) fn named_netrc(&self) -> Option<PathBuf> {
        (self.elsewhere || self.named_before.is_some()).then(|| self.netrc.clone())
    }

    /// Whether a daemon reads the settings.
    pub(super) fn has_daemon(&self) -> bool {
        place(&Store::default()).daemon_socket().exists()
    }
}

/// The file of the whole machine that may be added to.
fn system_conf(folder: &Path) -> PathBuf {
    let conf = folder.join("nix.conf");
    let text = std::fs::read_to_string(&conf).unwrap_or_default();
    let includes = |line| matches!(line, Ok(Line::Include { file, .. }) if Path::new(file).ends_with(CUSTOM));
    let custom = lines(&text).any(|(_, line)| includes(line));
    if custom { folder.join(CUSTOM) } else { conf }
}

/// Whether this user may put another file into its place.
fn writable(file: &Path) -> bool {
    let may = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    file.parent().is_some_and(may) && (may(file) || !file.exists())
}

/// A file that was not changed, with what to do instead.
pub(super) fn unwritten(error: FileError) -> CliError {
    let (print, conf) =
        ("`snowbank use CACHE_URL --print` prints the lines", "name another file with --conf");
    let hints: &[&str] = match &error {
        FileError::Link { file, target } if target.starts_with("/nix/store") => match made_by(file) {
            Made::Home => {
                &["it is made by home-manager: add what `--print home-manager` prints to its configuration"]
            }
            Made::System => &[
                "it is made by NixOS or nix-darwin: add what `--print nixos` or `--print nix-darwin` prints to its configuration",
            ],
        },
        FileError::Link { .. } => &["name the file that it leads to, with --conf or --netrc-file"],
        FileError::Read { .. } | FileError::Write { .. } => {
            &["may this user write there? else run it as root", print]
        }
        FileError::Special(_) | FileError::TooLarge(_) | FileError::ReadOnly(_) => &[conf, print],
    };
    let failed = CliError::failed("Nix's files are not changed").because(error);
    hints.iter().fold(failed, |failed, hint| failed.hint(*hint))
}

enum Made {
    Home,
    System,
}

fn made_by(file: &Path) -> Made {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let config = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty());
    let own = home.iter().chain(&config).any(|folder| file.starts_with(folder));
    if own { Made::Home } else { Made::System }
}
