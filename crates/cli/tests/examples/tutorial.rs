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
    let script = script(&page).replace("8484", &port);
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
    // The page's is the default.
    bash.env("SNOWBANK_SERVER", format!("http://127.0.0.1:{port}"));
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
