//! What the Nix of this machine is set to, as far as upstream caches go: its `nix.conf` files.

mod line;
mod netrc;
mod read;
mod upstreams;
mod words;

use std::{fmt, path::PathBuf};

pub use line::{BadLine, Line, lines};
pub use netrc::{Entry, Netrc};
pub use read::NixConfError;
use snowbank_binary_cache::upstream::NIXOS_KEY;
pub use upstreams::Configured;
use upstreams::without_login;
pub(crate) use words::words;

/// Bytes of the largest file that is read.
pub const MAX_FILE: u64 = 1 << 20;

/// Files that are read, with those that they include.
pub const MAX_FILES: usize = 256;

/// Files that include each other.
pub const MAX_DEPTH: usize = 16;

/// Where settings are, in the order in which Nix reads them; a later one counts. What is in the environment is for the
/// caller to read. Not for printing: the text may hold tokens.
#[derive(Clone, Default)]
pub struct Sources {
    /// The folder of the system's `nix.conf` (`NIX_CONF_DIR`, or `/etc/nix`).
    pub conf_dir: PathBuf,
    /// The user's files (`NIX_USER_CONF_FILES` from its end on, or `nix/nix.conf` in `XDG_CONFIG_DIRS` from its end on
    /// and in `XDG_CONFIG_HOME`).
    pub user_files: Vec<PathBuf>,
    /// A text that counts for a last file (`NIX_CONFIG`).
    pub text: Option<String>,
}

/// The settings about upstream caches.
#[derive(Clone, PartialEq, Eq)]
pub struct NixConf {
    /// The stores that Nix fetches from.
    pub substituters: Vec<String>,
    /// The stores that any user may have it fetch from.
    pub trusted_substituters: Vec<String>,
    /// The keys whose signatures it believes.
    pub trusted_public_keys: Vec<String>,
    /// The users, and the groups behind an `@`, whom its daemon trusts; `*` is everybody.
    pub trusted_users: Vec<String>,
    /// The file with logins for servers.
    pub netrc_file: PathBuf,
    /// The certificates that it believes instead of the system's; older ones know only
    /// `NIX_SSL_CERT_FILE`.
    pub ssl_cert_file: Option<PathBuf>,
}

impl NixConf {
    /// What Nix is set to when nobody set anything.
    fn initial(sources: &Sources) -> Self {
        Self {
            substituters: vec!["https://cache.nixos.org/".to_owned()],
            trusted_substituters: Vec::new(),
            trusted_public_keys: vec![NIXOS_KEY.to_owned()],
            trusted_users: vec!["root".to_owned()],
            netrc_file: sources.conf_dir.join("netrc"),
            ssl_cert_file: None,
        }
    }

    /// Takes a setting into account; one that is about something else is passed over.
    fn set(&mut self, name: &str, words: &[&str]) {
        let (extra, plain) = name.strip_prefix("extra-").map_or((false, name), |plain| (true, plain));
        let list = match plain {
            "substituters" | "binary-caches" => &mut self.substituters,
            "trusted-substituters" | "trusted-binary-caches" => &mut self.trusted_substituters,
            "trusted-public-keys" | "binary-cache-public-keys" => &mut self.trusted_public_keys,
            "trusted-users" => &mut self.trusted_users,
            "netrc-file" if !extra => {
                self.netrc_file = words.join(" ").into();
                return;
            }
            "ssl-cert-file" if !extra => {
                self.ssl_cert_file = (!words.is_empty()).then(|| words.join(" ").into());
                return;
            }
            _ => return,
        };
        if !extra {
            list.clear();
        }
        list.extend(words.iter().map(|&word| word.to_owned()));
    }
}

/// Without logins.
impl fmt::Debug for NixConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |list: &[String]| list.iter().map(|text| without_login(text)).collect::<Vec<_>>();
        f.debug_struct("NixConf")
            .field("substituters", &plain(&self.substituters))
            .field("trusted_substituters", &plain(&self.trusted_substituters))
            .field("trusted_public_keys", &self.trusted_public_keys)
            .field("trusted_users", &self.trusted_users)
            .field("netrc_file", &self.netrc_file)
            .field("ssl_cert_file", &self.ssl_cert_file)
            .finish()
    }
}
