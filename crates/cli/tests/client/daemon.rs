//! A store that belongs to somebody else: Nix's daemon writes it.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

use snowbank_testkit::closure::{nix, requisites, succeed, verify};
use snowbank_testkit::nix_daemon::NixDaemon;

use crate::kit::{Remote, closure, empty, is_root, said};
use crate::nobody::Nobody;

fn restore(remote: &Remote, root: &Path, options: &[&str]) -> Output {
    let root = root.display().to_string();
    let arguments = ["restore", "--key", "k", "--min-free", "1MB", "--json", "--store", &root];
    Nobody::new().command(remote, &[&arguments[..], options].concat()).output().unwrap()
}

/// Adds a path that nothing vouches for, as a build would make it.
fn built(root: &Path, name: &str, reference: &str) -> String {
    let path = format!("/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-{name}");
    std::fs::write(root.join(&path[1..]), name).unwrap();
    let nar = snowbank_nix::nar::dump(&root.join(&path[1..]), Vec::new()).unwrap();
    let hash = snowbank_nix::hash::NarHash::of(&nar).base16();
    let record = format!("{path}\n{hash}\n{}\n\n1\n{reference}\n", nar.len());
    let mut command = nix("nix-store", root);
    let mut child = command.arg("--load-db").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(record.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    path
}

#[test]
fn a_trusted_user_restores_through_the_daemon_what_root_has_saved() {
    if !is_root() {
        eprintln!("only root may become another user: not tried");
        return;
    }
    let store = closure(&[1, 2, 3]);
    let top = built(store.root(), "built", store.top());
    let remote = Remote::server();
    remote.save(store.root(), &top);
    let root = empty();
    let _daemon = NixDaemon::before(root.path(), "nobody");
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let link = folder.path().join("kept").display().to_string();
    let output = restore(&remote, root.path(), &["--gc-root", &link]);
    assert!(output.status.success(), "{}", said(&output));
    let done: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (done["restored"]["paths"].as_u64(), done["missed"].as_array().map(Vec::len)),
        (Some(5), Some(0)),
        "{done} {}",
        said(&output)
    );
    assert_eq!(requisites(root.path(), &top), requisites(store.root(), &top));
    verify(root.path()).unwrap();
    succeed(nix("nix-store", root.path()).arg("--gc"));
    assert_eq!(requisites(root.path(), &top), requisites(store.root(), &top));
    // And the other way round: what a daemon has made is saved and restored by root.
    let other = Remote::folder();
    other.save(root.path(), &top);
    let back = empty();
    other.restore(back.path());
    assert_eq!(requisites(back.path(), &top), requisites(store.root(), &top));
}

#[test]
fn an_untrusted_user_gets_what_vouches_for_itself_and_is_told_about_the_rest() {
    if !is_root() {
        eprintln!("only root may become another user: not tried");
        return;
    }
    let store = closure(&[1, 2]);
    let top = built(store.root(), "built", store.top());
    let remote = Remote::server();
    remote.save(store.root(), &top);
    let root = empty();
    let _daemon = NixDaemon::before(root.path(), "");
    let output = restore(&remote, root.path(), &["--writer", "daemon"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("does not trust this user") && text.contains("trusted-users"), "{text}");
    assert_eq!(requisites(root.path(), store.top()), store.paths());
    let done: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(done["missed"].as_array().map(Vec::len), Some(1), "{done}");
    verify(root.path()).unwrap();
}

#[test]
fn without_the_right_to_write_and_a_daemon_it_says_what_to_do() {
    if !is_root() {
        eprintln!("only root may become another user: not tried");
        return;
    }
    let store = closure(&[1]);
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    let root = empty();
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let output = restore(&remote, root.path(), &["--strict"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("nobody may write to the store") && text.contains("hint: "), "{text}");
    assert_eq!(restore(&remote, root.path(), &[]).status.code(), Some(0));
}

#[test]
fn many_paths_go_through_the_daemon_in_the_order_of_their_references() {
    let store = closure(&(0..30).collect::<Vec<_>>());
    let top = built(store.root(), "built", store.top());
    let remote = Remote::folder();
    remote.save(store.root(), &top);
    let root = empty();
    let _daemon = NixDaemon::before(root.path(), "root");
    let done = remote.run(root.path(), &["restore", "--key", "k", "--min-free", "1MB", "--writer", "daemon"]);
    assert_eq!(done["restored"]["paths"], 32, "{done}");
    assert_eq!(requisites(root.path(), &top), requisites(store.root(), &top));
    verify(root.path()).unwrap();
}

#[test]
fn a_daemon_is_looked_for_where_nix_would() {
    let store = closure(&[1]);
    let remote = Remote::folder();
    remote.save(store.root(), store.top());
    let root = empty();
    let _daemon = NixDaemon::before(root.path(), "root");
    let elsewhere = root.path().join("elsewhere");
    std::fs::rename(root.path().join("nix/var/nix/daemon-socket/socket"), &elsewhere).unwrap();
    let arguments = ["restore", "--key", "k", "--min-free", "1MB", "--writer", "daemon", "--strict"];
    let mut command = remote.command(&arguments);
    command.arg("--store").arg(root.path());
    let output = command.output().unwrap();
    assert!(!output.status.success() && said(&output).contains("daemon-socket/socket"), "{}", said(&output));
    let output = command.env("NIX_DAEMON_SOCKET_PATH", &elsewhere).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(requisites(root.path(), store.top()), store.paths());
}
