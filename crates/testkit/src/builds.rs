//! A small project that real Nix builds in a private store.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

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

/// A build hook that leaves every build to who asks. Nix 2.8 cannot do without one, and one that finds its own libraries
/// cannot start its own (`build-remote.cc` has the protocol).
const HOOK: &str = "#!/bin/sh\necho '# decline-permanently' >&2\ncat >/dev/null\n";

/// The settings (`NIX_CONFIG`) of a Nix that has no other cache.
pub const ALONE: &str = "substituters =\n";

/// A folder with the project: a program that needs a library, which a tool makes. None, and a word of it, where Nix
/// cannot build in a private store: that needs namespaces.
///
/// # Panics
/// When there is no room for it, no Nix, or a build fails for another reason.
#[must_use]
#[expect(clippy::print_stderr, reason = "a test that tries nothing says so")]
pub fn project() -> Option<TempDir> {
    let project = tempfile::tempdir().expect("a temporary folder");
    fs::write(project.path().join("expression.nix"), EXPRESSION).expect("a file can be written");
    let hook = project.path().join("hook");
    fs::write(&hook, HOOK).expect("a file can be written");
    fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).expect("a file can be made a program");
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut command = build(project.path(), root.path(), "0");
    command.arg("--no-out-link").env("NIX_CONFIG", ALONE).current_dir(project.path());
    let output = command.output().expect("nix-build can be run");
    if output.status.success() {
        return Some(project);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let forbidden =
        ["namespace", "Operation not permitted", "sandbox"].iter().any(|word| said.contains(word));
    assert!(forbidden, "a build of the project fails:\n{said}");
    eprintln!("not tried: Nix cannot build in a private store here");
    None
}

/// `nix-build` of the project in this folder, to be run there, into the store at `root`, with nothing of the machine's.
/// Another `change` is another program; library and tool stay.
#[must_use]
pub fn build(project: &Path, root: &Path, change: &str) -> Command {
    let mut command = nix("nix-build", root);
    command.args(["expression.nix", "--argstr", "change", change]);
    command.args(["--option", "sandbox", "true", "--option", "build-users-group", ""]);
    command.args(["--option", "sandbox-paths", "/bin /usr /lib /lib64", "--option", "build-hook"]);
    command.arg(project.join("hook"));
    command
}

/// The names of what was built, in order, as Nix tells of it.
#[must_use]
pub fn built(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("building '/nix/store/"));
    lines.filter_map(|line| Some(line.get(33..)?.split(".drv").next()?.to_owned())).collect()
}
