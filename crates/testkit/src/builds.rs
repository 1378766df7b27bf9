//! A small project that real Nix builds in a private store.

use std::{path::Path, process::Command};

use tempfile::TempDir;

use crate::closure::nix;

/// A tool that only builds need, a library that it makes, and a program that refers to the library.
pub const EXPRESSION: &str = r#"
{ change }:
let
  make = name: text: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" text ];
    PATH = "/bin:/usr/bin";
  };
  tool = make "tool" "echo a tool > $out";
  library = make "library" "cat ${tool} > $out";
in make "program" "echo ${library} ${change} > $out"
"#;

/// The settings (`NIX_CONFIG`) of a Nix that has no other cache.
pub const ALONE: &str = "substituters =\n";

/// A folder with the project: a program that needs a library, which a tool makes. None, and a word of it, where Nix
/// cannot build in a private store: that needs namespaces.
///
/// # Panics
/// When there is no room for it, or no Nix.
#[must_use]
#[expect(clippy::print_stderr, reason = "a test that tries nothing says so")]
pub fn project() -> Option<TempDir> {
    let project = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(project.path().join("expression.nix"), EXPRESSION).expect("a file can be written");
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut command = build(root.path(), "0");
    command.arg("--no-out-link").env("NIX_CONFIG", ALONE).current_dir(project.path());
    if command.output().expect("nix-build can be run").status.success() {
        return Some(project);
    }
    eprintln!("not tried: Nix cannot build in a private store here");
    None
}

/// `nix-build` of the project, to be run in its folder, into the store at `root`, with nothing of the machine's. Another
/// `change` is another program; library and tool stay.
#[must_use]
pub fn build(root: &Path, change: &str) -> Command {
    let mut command = nix("nix-build", root);
    command.args(["expression.nix", "--argstr", "change", change]);
    command.args(["--option", "sandbox", "true", "--option", "build-users-group", ""]);
    command.args(["--option", "sandbox-paths", "/bin /usr /lib /lib64", "--option", "build-hook", ""]);
    command
}

/// The names of what was built, in order, as Nix tells of it.
#[must_use]
pub fn built(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("building '/nix/store/"));
    lines.filter_map(|line| Some(line.get(33..)?.split(".drv").next()?.to_owned())).collect()
}
