//! The same tests once more, with a newer Nix than the system's.

use std::{env, process::Command};

use snowbank_testkit::tools;

/// The release of Debian whose Nix is tried too: 2.26.
const SUITE: &str = "trixie";

#[test]
fn a_newer_release_of_nix_agrees() {
    if env::var_os(tools::PREFERRED).is_some() {
        return;
    }
    let programs = match tools::of_suite(SUITE, "nix-bin") {
        Ok(programs) => programs,
        Err(why) => return eprintln!("not tried: {why}"),
    };
    let mut again = Command::new(env::current_exe().unwrap());
    let output = again.env(tools::PREFERRED, programs).args(["--skip", "release::"]).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
