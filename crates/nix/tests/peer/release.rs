//! The same tests once more, with a newer Nix than the system's.

use std::{
    env,
    process::{Command, Output},
};

use snowbank_testkit::tools;

/// The release of Debian whose Nix is tried too: 2.26.
const SUITE: &str = "trixie";

/// What `scripts/nix-chroot` ends with where that Nix cannot be had.
const NOT_TO_BE_HAD: i32 = 3;

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_newer_release_of_nix_agrees() {
    if env::var_os(tools::PREFERRED).is_some() {
        return;
    }
    let script = tools::repository().join("scripts/nix-chroot");
    let output = Command::new(script).arg(SUITE).output().unwrap();
    if output.status.code() == Some(NOT_TO_BE_HAD) {
        eprintln!("not tried: {}", said(&output));
        return;
    }
    assert!(output.status.success(), "{}", said(&output));
    let programs = tools::folder().join(format!("nix-{SUITE}/bin"));
    let mut again = Command::new(env::current_exe().unwrap());
    let output = again.env(tools::PREFERRED, programs).args(["--skip", "release::"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}
