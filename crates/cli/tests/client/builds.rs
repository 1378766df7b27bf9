//! Real builds: what was restored is not built again.

use std::path::Path;
use std::process::Output;

use snowbank_testkit::builds::{self, ALONE};
use snowbank_testkit::closure::verify;

use crate::kit::{Remote, empty, said};

/// `nix-build` of the project in a store, as words of a command line.
pub(crate) fn build(project: &Path, root: &Path, change: &str) -> Vec<String> {
    let command = builds::build(project, root, change);
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The build as the command of `snowbank run`.
fn run(remote: &Remote, root: &Path, folder: &Path, change: &str) -> Output {
    let mut command = remote.command(&["run", "--key", "k", "--min-free", "1MB", "--quiet"]);
    command.arg("--store").arg(root).arg("--").args(build(folder, root, change));
    command.env("NIX_CONF_DIR", "/nonexistent").env("NIX_CONFIG", ALONE);
    command.current_dir(folder).output().unwrap()
}

/// The names of what was built.
pub(crate) fn built(output: &Output) -> Vec<String> {
    builds::built(&said(output))
}

#[test]
fn a_second_build_builds_nothing_and_a_changed_one_only_what_changed() {
    let Some(folder) = builds::project() else { return };
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
