//! The tutorial: its commands, in the order of the page.

use std::process::Command;

use snowbank_testkit::process::free_port;
use snowbank_testkit::tools;

use crate::kit::BINARY;

/// The blocks of a page that are to be run: those that say what language they are in.
fn script(page: &str) -> String {
    let blocks = page.split("\n```sh\n").skip(1);
    blocks.map(|block| block.split("\n```\n").next().unwrap().to_owned() + "\n").collect()
}

#[test]
fn what_the_tutorial_says_is_done_in_its_order() {
    for part in ["nix", "curl"] {
        tools::ensure(part);
    }
    let page = std::fs::read_to_string(tools::repository().join("docs/tutorial.md")).unwrap();
    let port = free_port().to_string();
    let script = script(&page).replace("8585", &port);
    let folder = tempfile::tempdir().unwrap();
    let programs = std::path::Path::new(BINARY).parent().unwrap();
    let mut bash = Command::new("bash");
    bash.args([
        "-eo",
        "pipefail",
        "-c",
        &format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"),
    ]);
    bash.env_clear().current_dir(folder.path()).env("HOME", folder.path());
    bash.env("PATH", format!("{}:{}", programs.display(), tools::search_path().display()));
    let output = bash.output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    for words in [
        "nothing was found under nix",
        "saved as nix#1: 1 paths read (50.0 MB), 50.0 MB sent in 1 packs",
        "restored 1 paths (50.0 MB), 50.0 MB downloaded",
        "nothing new to save under nix",
        "pushed 1 path",
        "extra-trusted-public-keys = team-1:",
        "the cache of acme/app at http://127.0.0.1:",
        "found nothing, saved nix#1; ",
        "acme/site  refs/heads/main  nix#1",
        "acme/app                                      2 caches    50.0 MB of    10.0 GB",
    ] {
        assert!(said.contains(words), "no `{words}` in:\n{said}");
    }
    let there = folder.path().join("snowbank-tutorial/machine-4/nix/store");
    assert!(
        std::fs::read_dir(there).unwrap().any(|entry| entry
            .unwrap()
            .file_name()
            .display()
            .to_string()
            .ends_with("-model"))
    );
}

#[test]
fn a_server_that_cannot_start_shows_its_log_and_holds_nobody_up() {
    let page = std::fs::read_to_string(tools::repository().join("docs/tutorial.md")).unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let first = page.split("\n```sh\n").nth(1).unwrap().split("\n```\n").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let programs = std::path::Path::new(BINARY).parent().unwrap();
    let mut bash = Command::new("timeout");
    bash.args(["60", "bash", "-c", &first.replace("8585", &port)]).current_dir(folder.path());
    bash.env("PATH", format!("{}:{}", programs.display(), tools::search_path().display()));
    let output = bash.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_ne!(output.status.code(), Some(124), "it waits for ever");
    assert!(said.contains("another program listens there"), "{said}");
}
