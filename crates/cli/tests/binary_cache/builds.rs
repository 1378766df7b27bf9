//! Builds of real Nix with a cache of ours as its only substituter.

use std::path::Path;
use std::process::Output;

use snowbank_testkit::builds;
use snowbank_testkit::closure::verify;
use tempfile::TempDir;

use crate::kit::{CACHES, Server, empty, good, push, said};

/// `nix-build` of the project in a store, with these settings.
pub(crate) fn build(root: &Path, project: &TempDir, change: &str, config: &str) -> Output {
    let mut command = builds::build(project.path(), root, change);
    command.arg("--no-out-link").env("NIX_CONFIG", config).env("HOME", root);
    command.current_dir(project.path()).output().unwrap()
}

pub(crate) fn built(output: &Output) -> usize {
    builds::built(&said(output)).len()
}

pub(crate) fn made(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The settings of a Nix that has this cache alone, and believes its key alone.
fn only(server: &Server, cache: &str) -> String {
    format!(
        "substituters = {}\ntrusted-public-keys = {}\nrequire-sigs = true\n",
        server.url(cache),
        server.public_key(cache, "")
    )
}

#[test]
fn what_one_machine_built_and_pushed_no_other_builds() {
    let Some(project) = builds::project() else { return };
    let server = Server::start(CACHES);
    let netrc = server.netrc(&server.token("open:push"));
    let (first, second) = (empty(), empty());
    let output = build(first.path(), &project, "1", builds::ALONE);
    good(&output);
    assert_eq!(built(&output), 3, "{}", said(&output));
    good(&push(first.path(), &server.url("open"), Some(&netrc), &[&made(&output)]));
    let output = build(second.path(), &project, "1", &only(&server, "open"));
    good(&output);
    assert_eq!(built(&output), 0, "{}", said(&output));
    assert_eq!(verify(second.path()), Ok(()));
    // Another cache's key is not believed, so all of it is built.
    let stranger = only(&server, "open")
        .replace(&server.public_key("open", ""), "x-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=");
    let output = build(empty().path(), &project, "1", &stranger);
    good(&output);
    assert_eq!(built(&output), 3, "{}", said(&output));
}

#[test]
fn a_hook_pushes_what_is_built_as_it_is_built() {
    let Some(project) = builds::project() else { return };
    let server = Server::start(CACHES);
    let netrc = server.netrc(&server.token("open:push"));
    let (first, second) = (empty(), empty());
    let hook = project.path().join("post-build");
    let script = format!(
        "#!/bin/sh\nset -f\nexport NIX_CONF_DIR=/nonexistent NIX_CONFIG= HOME={home}\n\
         paths=${{OUT_PATHS:-$(nix-store --store {root} --query --outputs \"$DRV_PATH\")}}\n\
         exec nix --extra-experimental-features nix-command --store {root} copy \
         --option netrc-file {netrc} --to '{url}?compression=zstd' $paths\n",
        home = project.path().display(),
        root = first.path().display(),
        netrc = netrc.display(),
        url = server.url("open"),
    );
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let config = format!("substituters =\npost-build-hook = {}\n", hook.display());
    let output = build(first.path(), &project, "1", &config);
    good(&output);
    assert_eq!(built(&output), 3, "{}", said(&output));
    let output = build(second.path(), &project, "2", &only(&server, "open"));
    good(&output);
    assert_eq!(built(&output), 1, "only what changed is built: {}", said(&output));
}
