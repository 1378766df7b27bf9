//! Stores, the command, and what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use snowbank_testkit::closure::{Closure, nix, succeed};
use snowbank_testkit::snowbank::Snowbank;
use tempfile::TempDir;

/// The repository and the ref of the tests.
pub(crate) const REPO: &str = "acme/app";
/// Its default branch, writable.
pub(crate) const MAIN: &str = "refs/heads/main:rw";

/// Reproducible bytes that do not compress.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(word).take(length.div_ceil(8)).flatten().collect();
    bytes.truncate(length);
    bytes
}

/// A folder with a large file, some small ones, one that can be executed, and links.
pub(crate) fn tree(folder: &Path, seed: u64) -> PathBuf {
    let tree = folder.join(format!("tree-{seed}"));
    std::fs::create_dir_all(tree.join("lib/deep")).unwrap();
    std::fs::write(tree.join("lib/large.so"), noise(seed, 700_000)).unwrap();
    for number in 0..20 {
        std::fs::write(tree.join(format!("lib/deep/{number}.py")), format!("print({seed} + {number})\n"))
            .unwrap();
    }
    std::fs::write(tree.join("tool"), "#!/bin/sh\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(tree.join("tool"), mode).unwrap();
    std::os::unix::fs::symlink("lib/large.so", tree.join("link")).unwrap();
    std::os::unix::fs::symlink("/nowhere", tree.join("broken")).unwrap();
    tree
}

/// A store with a path for each seed, and one on top.
pub(crate) fn closure(seeds: &[u64]) -> Closure {
    let folder = tempfile::tempdir().unwrap();
    let trees: Vec<_> =
        seeds.iter().map(|&seed| (format!("tree-{seed}"), tree(folder.path(), seed))).collect();
    let trees: Vec<_> = trees.iter().map(|(name, path)| (name.as_str(), path.as_path())).collect();
    Closure::of(&trees)
}

/// An empty store.
pub(crate) fn empty() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    succeed(nix("nix-store", root.path()).arg("--verify"));
    root
}

/// Where snapshots go, and how the command gets in.
pub(crate) enum Remote {
    Server(Box<Snowbank>, String),
    Folder(TempDir),
    Url(String),
}

impl Remote {
    /// A server of the built binary.
    pub(crate) fn server() -> Self {
        let server = Snowbank::builder(env!("CARGO_BIN_EXE_snowbank")).start();
        let token = server.token(REPO, &[MAIN]);
        Self::Server(Box::new(server), token)
    }

    /// A folder.
    pub(crate) fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    /// A command that uses it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        match self {
            Self::Server(server, token) => {
                command.args(["--remote", server.url()]).env("SNOWBANK_TOKEN", token);
            }
            Self::Folder(folder) => {
                command.arg("--remote").arg(folder.path());
            }
            Self::Url(url) => {
                command.args(["--remote", url]).env("SNOWBANK_TOKEN", "token");
            }
        }
        command
    }

    /// Runs it on a store; it succeeds.
    pub(crate) fn run(&self, root: &Path, arguments: &[&str]) -> Value {
        let output = self.output(root, arguments);
        assert!(output.status.success(), "{arguments:?} failed:\n{}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Runs it on a store.
    pub(crate) fn output(&self, root: &Path, arguments: &[&str]) -> Output {
        let mut command = self.command(&arguments[..1]);
        command.arg("--store").arg(root).arg("--json").args(&arguments[1..]).output().unwrap()
    }

    /// Saves a path with its closure under the key `k`.
    pub(crate) fn save(&self, root: &Path, top: &str) -> Value {
        self.run(root, &["save", "--key", "k", top])
    }

    /// Restores the key `k`.
    pub(crate) fn restore(&self, root: &Path) -> Value {
        self.run(root, &["restore", "--key", "k", "--min-free", "1MB"])
    }
}

/// A command that knows nothing of who runs the tests.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| {
        ["SNOWBANK_", "ACTIONS_", "GITHUB_", "GH_"]
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
    }) {
        command.env_remove(name);
    }
    let state = std::env::temp_dir().join(format!("snowbank-test-state-{}", std::process::id()));
    command.env("XDG_STATE_HOME", &state).env("HOME", &state).args(arguments);
    command
}

/// Lets it find the server's REST API where it would find GitHub's.
pub(crate) fn with_api<'a>(command: &'a mut Command, server: &Snowbank, token: &str) -> &'a mut Command {
    command.env("GITHUB_API_URL", server.url()).env("GITHUB_REPOSITORY", REPO).env("GITHUB_TOKEN", token)
}

/// The entries of packs on a server: their numbers.
pub(crate) fn packs(remote: &Remote) -> Vec<String> {
    entries(remote, "snowbank-pack-")
}

/// The entries of a server whose keys begin so: their numbers, the last used first.
pub(crate) fn entries(remote: &Remote, prefix: &str) -> Vec<String> {
    let Remote::Server(server, _) = remote else { panic!("only a server has entries") };
    let listed = server.run(&["cache", "list", "--json", "--key-prefix", prefix, "--server", server.url()]);
    let entries: Value = serde_json::from_str(&listed).unwrap();
    entries["caches"].as_array().unwrap().iter().map(|entry| entry["id"].to_string()).collect()
}

/// What a command said.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether this process may become somebody else.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
