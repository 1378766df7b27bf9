//! Our client, and plain Nix, before a cache of ours.

use std::{path::Path, process::Command, time::Instant};

use serde_json::Value;
use snowbank_testkit::{closure::nix, snowbank::Snowbank};

use crate::{
    place::{Place, remove, succeed},
    workload::Workload,
};

/// What a command did.
pub(in crate::figures) struct Ran {
    pub(in crate::figures) seconds: f64,
    pub(in crate::figures) result: Value,
}

/// `snowbank push` of the whole closure.
pub(in crate::figures) fn push(place: &Place, url: &str, token: &str, store: &Workload) -> Ran {
    let root = store.root();
    let root = root.to_str().expect("a path in UTF-8");
    run(place, token, &["push", "--to", url, "--store", root, store.top()])
}

/// `snowbank pull` of the whole closure, signatures checked.
pub(in crate::figures) fn pull(place: &Place, url: &str, key: &str, top: &str, root: &Path) -> Ran {
    let root = root.to_str().expect("a path in UTF-8");
    run(place, "", &["pull", "--from", url, "--min-free", "1GB", "--public-key", key, "--store", root, top])
}

fn run(place: &Place, token: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new(&place.snowbank);
    command.args(arguments).args(["--json", "--quiet"]);
    command.env("TMPDIR", &place.work).env("NIX_CONF_DIR", "/nonexistent");
    if !token.is_empty() {
        command.env("SNOWBANK_TOKEN", token);
    }
    let begun = Instant::now();
    let output = command.output().expect("snowbank can be run");
    let seconds = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?} failed:\n{said}");
    Ran { seconds, result: serde_json::from_slice(&output.stdout).expect("the result is JSON") }
}

pub(in crate::figures) fn token(server: &Snowbank) -> String {
    server.run(&["token", "create", "--cache", "bench:push"]).trim().to_owned()
}

/// The first key that the cache signs with.
pub(in crate::figures) fn key(server: &Snowbank) -> String {
    let about = Command::new("curl")
        .args(["--silent", "--fail", &format!("{}/api/v1/nix/bench", server.url())])
        .output();
    let about: Value = serde_json::from_slice(&about.expect("curl can be run").stdout).expect("JSON");
    about["public_keys"][0].as_str().expect("a cache has a key").to_owned()
}

/// Seconds of a push of the whole closure by plain Nix, with a token where one is needed.
pub(super) fn nix_push(place: &Place, url: &str, token: &str, store: &Workload) -> f64 {
    let (netrc, remembered) = (place.work.join("netrc"), place.work.join("nix-push"));
    std::fs::write(&netrc, format!("machine 127.0.0.1 login x password {token}\n"))
        .expect("a file can be written");
    let mut command = nix("nix", &store.root());
    command.args(["--extra-experimental-features", "nix-command", "copy", "--quiet", "--to"]);
    command.arg(format!("{url}?compression=zstd")).arg(store.top());
    command.args(["--option", "netrc-file"]).arg(netrc).env("XDG_CACHE_HOME", &remembered);
    let begun = Instant::now();
    succeed(&mut command);
    let seconds = begun.elapsed().as_secs_f64();
    remove(&remembered);
    seconds
}
