//! A server with caches, stores, and Nix.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sha2::Digest as _;
use snowbank_testkit::closure::{Closure, nix, succeed};
use snowbank_testkit::snowbank::Snowbank;
use tempfile::TempDir;

/// A public cache and two private ones, of two owners.
pub(crate) const CACHES: &str = "
[caches.open]
public = true
owner = 'acme'

[caches.team]
owner = 'acme'
priority = 30

[caches.other]
";

/// A server, and the folder with its configuration.
pub(crate) struct Server {
    pub(crate) snowbank: Snowbank,
    folder: TempDir,
    config: PathBuf,
}

impl Server {
    pub(crate) fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("snowbank.toml");
        std::fs::write(&file, config).unwrap();
        let how =
            Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).arg("--config").arg(file.display().to_string());
        Self { snowbank: how.start(), folder, config: file }
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> &str {
        self.config.to_str().unwrap()
    }

    pub(crate) fn url(&self, cache: &str) -> String {
        format!("{}/nix/{cache}", self.snowbank.url())
    }

    /// A token with these rights, `CACHE:RIGHT,RIGHT`.
    pub(crate) fn token(&self, rights: &str) -> String {
        self.snowbank.run(&["token", "create", "--cache", rights]).trim().to_owned()
    }

    /// A file with a login for Nix.
    pub(crate) fn netrc(&self, token: &str) -> PathBuf {
        let digest = hex::encode(&sha2::Sha256::digest(token)[..8]);
        let file = self.folder.path().join(digest);
        std::fs::write(&file, format!("machine 127.0.0.1 login x password {token}\n")).unwrap();
        file
    }

    /// What a cache tells of itself to the bearer of a token.
    pub(crate) fn about(&self, cache: &str, token: &str) -> Value {
        let url = format!("{}/api/v1/nix/{cache}", self.snowbank.url());
        let output = curl(token, &[&url]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&output)))
    }

    pub(crate) fn public_key(&self, cache: &str, token: &str) -> String {
        self.about(cache, token)["public_keys"][0].as_str().unwrap().to_owned()
    }
}

/// The status and the body of a request.
pub(crate) fn ask(token: &str, arguments: &[&str]) -> (u16, String) {
    let output = curl(token, &[&["-w", "\n%{http_code}"], arguments].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

pub(crate) fn curl(token: &str, arguments: &[&str]) -> Output {
    snowbank_testkit::tools::ensure("curl");
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error"]);
    if !token.is_empty() {
        command.arg("--user").arg(format!("x:{token}"));
    }
    command.args(arguments).output().unwrap()
}

/// `nix copy` of paths from the store at `root` to a cache.
pub(crate) fn push(root: &Path, url: &str, netrc: Option<&Path>, paths: &[&str]) -> Output {
    let mut command = nix("nix", root);
    command.args(["--extra-experimental-features", "nix-command", "copy", "--to", url]).args(paths);
    login(&mut command, root, netrc).output().unwrap()
}

/// `nix copy` of a path from a cache to the store at `root`, signatures checked against one key.
pub(crate) fn pull(root: &Path, url: &str, netrc: Option<&Path>, key: &str, path: &str) -> Output {
    let mut command = snowbank_testkit::tools::command("nix");
    command
        .args(["--extra-experimental-features", "nix-command", "copy", "--from", url, "--to"])
        .arg(root)
        .arg(path);
    command.args(["--option", "trusted-public-keys", key, "--option", "require-sigs", "true"]);
    command.env("NIX_CONF_DIR", "/nonexistent").env_remove("NIX_REMOTE");
    login(&mut command, root, netrc).output().unwrap()
}

/// Nix remembers what a cache said, for an hour and longer, under the user's home.
fn login<'a>(command: &'a mut Command, root: &Path, netrc: Option<&Path>) -> &'a mut Command {
    command.env("HOME", root).env_remove("XDG_CACHE_HOME");
    if let Some(file) = netrc {
        command.args(["--option", "netrc-file"]).arg(file);
    }
    command
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) fn good(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

/// A store with two trees and a path that refers to them.
pub(crate) fn closure(seed: u64) -> Closure {
    let folder = tempfile::tempdir().unwrap();
    let trees: Vec<_> =
        [seed, seed + 1].map(|seed| (format!("tree-{seed}"), tree(folder.path(), seed))).into();
    let trees: Vec<_> = trees.iter().map(|(name, path)| (name.as_str(), path.as_path())).collect();
    Closure::of(&trees)
}

fn tree(folder: &Path, seed: u64) -> PathBuf {
    let tree = folder.join(format!("tree-{seed}"));
    std::fs::create_dir_all(tree.join("lib")).unwrap();
    let noise: Vec<u8> = snowbank_testkit::noise::noise(700_000, seed).to_vec();
    std::fs::write(tree.join("lib/large.so"), noise).unwrap();
    (0..20).for_each(|number| {
        std::fs::write(tree.join(format!("lib/{number}.py")), format!("print({seed} + {number})\n")).unwrap();
    });
    std::os::unix::fs::symlink("lib/large.so", tree.join("link")).unwrap();
    tree
}

/// An empty store.
pub(crate) fn empty() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    succeed(nix("nix-store", root.path()).arg("--verify"));
    root
}

/// The digits with which a store path's name begins.
pub(crate) fn hash_part(path: &str) -> &str {
    &path["/nix/store/".len()..][..32]
}

/// The signatures of a path in the store at `root`.
pub(crate) fn path_info(root: &Path, path: &str) -> Value {
    let mut command = nix("nix", root);
    command.args(["--extra-experimental-features", "nix-command", "path-info", "--json", path]);
    let printed: Value = serde_json::from_str(&succeed(&mut command)).unwrap();
    // A list until Nix 2.18, then a map.
    printed.as_array().map_or_else(|| printed[path].clone(), |list| list[0].clone())
}

/// Bytes of all files below a folder.
pub(crate) fn size_of(folder: &Path) -> u64 {
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        if meta.is_dir() { size_of(&entry.path()) } else { meta.len() }
    };
    std::fs::read_dir(folder).unwrap().map(size).sum()
}
