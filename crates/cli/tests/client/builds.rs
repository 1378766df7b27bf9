//! Real builds: what was restored is not built again.

use std::path::Path;
use std::process::{Command, Output};

use snowbank_testkit::closure::{nix, verify};

use crate::kit::{Remote, empty, said};

/// A tool that only builds need, a library that it makes, and a program that refers to the library.
pub(crate) const EXPRESSION: &str = r#"
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

/// The settings of a Nix that has no other cache.
pub(crate) const ALONE: &str = "substituters =\n";

/// `nix-build` of the expression in a store, with nothing of the machine's.
pub(crate) fn build(root: &Path, change: &str) -> Vec<String> {
    let mut command = nix("nix-build", root);
    command.args(["expression.nix", "--argstr", "change", change]);
    command.args(["--option", "sandbox", "true", "--option", "build-users-group", ""]);
    command.args(["--option", "sandbox-paths", "/bin /usr /lib /lib64", "--option", "build-hook", ""]);
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The build as the command of `snowbank run`.
fn run(remote: &Remote, root: &Path, folder: &Path, change: &str) -> Output {
    let mut command = remote.command(&["run", "--key", "k", "--min-free", "1MB", "--quiet"]);
    command.arg("--store").arg(root).arg("--").args(build(root, change));
    command.env("NIX_CONF_DIR", "/nonexistent").env("NIX_CONFIG", ALONE);
    command.current_dir(folder).output().unwrap()
}

/// The names of what was built.
pub(crate) fn built(output: &Output) -> Vec<String> {
    let text = said(output);
    let lines = text.lines().filter_map(|line| line.strip_prefix("building '/nix/store/"));
    lines.filter_map(|line| Some(line.get(33..)?.split(".drv").next()?.to_owned())).collect()
}

/// Whether builds in a private store are possible here: they need namespaces.
pub(crate) fn can_build(folder: &Path) -> bool {
    let root = empty();
    let words = build(root.path(), "0");
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg("--no-out-link").env("NIX_CONF_DIR", "/nonexistent");
    command.env("NIX_CONFIG", ALONE).current_dir(folder);
    command.output().unwrap().status.success()
}

#[test]
fn a_second_build_builds_nothing_and_a_changed_one_only_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("expression.nix"), EXPRESSION).unwrap();
    if !can_build(folder.path()) {
        return eprintln!("not tried: Nix cannot build in a private store here");
    }
    for remote in [Remote::server(), Remote::folder()] {
        let (first, second, third) = (empty(), empty(), empty());
        let output = run(&remote, first.path(), folder.path(), "1");
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(built(&output), ["tool", "library", "program"], "{}", said(&output));
        let output = run(&remote, second.path(), folder.path(), "1");
        assert_eq!((output.status.code(), built(&output)), (Some(0), vec![]), "{}", said(&output));
        // What only builds need was saved as well.
        let output = run(&remote, third.path(), folder.path(), "2");
        assert_eq!(built(&output), ["program"], "{}", said(&output));
        verify(third.path()).unwrap();
        let output = run(&remote, second.path(), folder.path(), "2");
        assert_eq!(built(&output), Vec::<String>::new(), "{}", said(&output));
    }
}
