//! Images are pulled once more, with a newer skopeo than the system's.

use std::{env, process::Command};

use snowbank_testkit::tools;

use crate::kit::said;

/// The release of Debian whose skopeo is tried too: 1.18.
const SUITE: &str = "trixie";

#[test]
fn a_newer_skopeo_pulls_the_images_too() {
    if env::var_os(tools::PREFERRED).is_some() {
        return;
    }
    let programs = match tools::of_suite(SUITE, "skopeo") {
        Ok(programs) => programs,
        Err(why) => return eprintln!("not tried: {why}"),
    };
    let mut again = Command::new(env::current_exe().unwrap());
    let output = again.env(tools::PREFERRED, programs).args(["paths::", "built::"]).output().unwrap();
    assert!(output.status.success() && said(&output).contains(" passed"), "{}", said(&output));
}
