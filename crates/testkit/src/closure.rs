//! A small Nix closure in a private store root, made and checked by Nix itself.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::tools;

/// A private store: logical `/nix/store/...` lies at `<root>/nix/store/...`.
#[derive(Debug)]
pub struct Closure {
    root: TempDir,
    top: String,
}

impl Closure {
    /// Adds each of `trees` (a name and a folder of real files) to a new private store, and on top a path that refers
    /// to all of them. The same trees give the same store paths.
    ///
    /// # Panics
    /// When Nix is not installed and cannot be, or refuses.
    #[must_use]
    pub fn of(trees: &[(&str, &Path)]) -> Self {
        tools::ensure("nix");
        let closure = Self { root: tempfile::tempdir().expect("a temporary folder"), top: String::new() };
        let top = closure.evaluate(&expression(trees));
        Self { top, ..closure }
    }

    /// The private store's root folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The store path (`/nix/store/...`) that refers to all the others.
    #[must_use]
    pub fn top(&self) -> &str {
        &self.top
    }

    /// All store paths of the closure, sorted.
    ///
    /// # Panics
    /// When Nix refuses.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        requisites(self.root.path(), &self.top)
    }

    fn evaluate(&self, expression: &str) -> String {
        let mut command = nix("nix-instantiate", self.root.path());
        command.args(["--eval", "--strict", "--json", "--read-write-mode", "--expr", expression]);
        let printed = succeed(&mut command);
        serde_json::from_str(&printed).expect("a store path is a JSON string")
    }
}

/// The paths that `top` needs in the private store at `root`, itself included, sorted.
///
/// # Panics
/// When Nix refuses, as for a path that is not valid there.
#[must_use]
pub fn requisites(root: &Path, top: &str) -> Vec<String> {
    let mut paths: Vec<String> = succeed(nix("nix-store", root).args(["--query", "--requisites", top]))
        .lines()
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths
}

/// Has Nix check every path of the private store at `root` against its database; the complaints if there are any.
///
/// # Errors
/// What Nix printed, when something is missing or changed.
///
/// # Panics
/// When Nix cannot be run.
pub fn verify(root: &Path) -> Result<(), String> {
    let output = run(nix("nix-store", root).args(["--verify", "--check-contents"]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Old releases of Nix report a changed path and still end with 0.
    if output.status.success() && !said.contains("was modified") && !said.contains("disappeared") {
        Ok(())
    } else {
        Err(said)
    }
}

/// One expression for the whole store: the trees as sources, and a text that names them, which makes them its
/// references. No builder runs, so nothing is asked of the kernel.
fn expression(trees: &[(&str, &Path)]) -> String {
    let sources: String = trees
        .iter()
        .map(|(name, folder)| {
            let folder: PathBuf = fs::canonicalize(folder).expect("the folder of a tree exists");
            format!(
                " (builtins.path {{ name = {}; path = {}; }})",
                quoted(name),
                quoted(&folder.display().to_string())
            )
        })
        .collect();
    format!("builtins.toFile \"environment\" (builtins.concatStringsSep \"\\n\" [{sources} ])")
}

/// A Nix string: JSON's escapes are Nix's, but for the dollar of an interpolation.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace("${", "\\${")
}

/// One of Nix's programs, on the private store at `root` and without any configuration of the machine's.
#[must_use]
pub fn nix(program: &str, root: &Path) -> Command {
    let mut command = tools::command(program);
    command.arg("--store").arg(root).env("NIX_CONF_DIR", "/nonexistent").env_remove("NIX_REMOTE");
    command
}

/// Runs `command` and gives back what it printed.
///
/// # Panics
/// When it cannot be run or fails, with what it complained of.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}
