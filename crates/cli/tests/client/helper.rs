//! A store that belongs to root: a helper writes it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use snowbank_testkit::closure::{requisites, verify};
use tempfile::TempDir;

use crate::kit::{Remote, closure, empty, is_root, said};
use crate::nobody::Nobody;

const NOT_TRIED: &str = "not tried: this needs root, mount namespaces and sudo";

/// A `sudo` for `nobody` alone: the real one, under rules that no other process sees; and what it was called with.
struct Sudo {
    folder: TempDir,
    rules: &'static str,
}

impl Sudo {
    fn allowing(rules: &'static str) -> Option<Self> {
        // A container may keep all three from its root.
        let try_it = "mount --bind /etc/sudoers /etc/sudoers && exec setpriv --reuid 65534 sudo -V";
        let tried = Command::new("unshare").args(["-m", "sh", "-c", try_it]).output();
        if !is_root() || !tried.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let sudo = folder.path().join("sudo");
        let log = folder.path().join("log");
        std::fs::write(&log, "").unwrap();
        std::fs::set_permissions(&log, PermissionsExt::from_mode(0o666)).unwrap();
        let script = format!(
            "#!/bin/sh\n{{ printf '%s\\n' \"$*\"; env; }} >> {}\nexec /usr/bin/sudo \"$@\"\n",
            log.display()
        );
        std::fs::write(&sudo, script).unwrap();
        std::fs::set_permissions(&sudo, PermissionsExt::from_mode(0o755)).unwrap();
        Some(Self { folder, rules })
    }

    /// The command as `nobody` who has this `sudo`.
    fn output(&self, remote: &Remote, arguments: &[&str]) -> Output {
        let rules = self.folder.path().join("sudoers");
        std::fs::write(&rules, self.rules).unwrap();
        std::fs::set_permissions(&rules, PermissionsExt::from_mode(0o440)).unwrap();
        let nobody = Nobody::new();
        let ours = nobody.command(remote, arguments);
        let script = format!("mount --bind {} /etc/sudoers && exec \"$@\"", rules.display());
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script, "sh"]).arg(ours.get_program()).args(ours.get_args());
        for (name, value) in ours.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).output().unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

fn restore<'a>(root: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    [&["restore", "--key", "k", "--min-free", "1MB", "--json", "--store", root][..], options].concat()
}

/// What lies in a store that is not registered.
fn unregistered(root: &Path) -> Vec<PathBuf> {
    let mut command = snowbank_testkit::closure::nix("nix-store", root);
    let known = command.args(["--query", "--requisites"]).args(valid(root)).output().unwrap();
    let known = String::from_utf8(known.stdout).unwrap();
    let names: Vec<_> = known.lines().filter_map(|line| line.rsplit('/').next()).collect();
    let entries = std::fs::read_dir(root.join("nix/store")).unwrap().map(|entry| entry.unwrap().path());
    let is_known = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with('.') || names.contains(&&*name)
    };
    entries.filter(|path| !is_known(path)).collect()
}

fn valid(root: &Path) -> Vec<String> {
    let place = snowbank_nix::store::Place::below(root);
    let store = snowbank_nix::store::LocalStore::open(place).unwrap();
    store.valid_paths().unwrap().iter().map(|path| format!("/nix/store/{path}")).collect()
}

#[test]
fn a_user_who_may_sudo_restores_into_roots_store_and_no_token_goes_along() {
    let Some(sudo) = Sudo::allowing("nobody ALL=(root) NOPASSWD: ALL\n") else {
        return eprintln!("{NOT_TRIED}");
    };
    let store = closure(&[1, 2, 3]);
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    let root = empty();
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let output = sudo.output(&remote, &restore(&root.path().display().to_string(), &["--strict"]));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(requisites(root.path(), store.top()), store.paths());
    verify(root.path()).unwrap();
    let log = sudo.log();
    assert!(log.starts_with("-n -- ") && log.contains(" store-helper --store "), "{log}");
    let Remote::Server(_, token) = &remote else { unreachable!() };
    assert!(!log.contains(&**token) && !log.contains("TOKEN"), "{log}");
}

#[test]
fn a_user_who_may_not_sudo_is_told_why_nobody_writes() {
    let Some(sudo) = Sudo::allowing("root ALL=(ALL) ALL\n") else {
        return eprintln!("{NOT_TRIED}");
    };
    let store = closure(&[1]);
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    let root = empty();
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let output = sudo.output(&remote, &restore(&root.path().display().to_string(), &[]));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("sudo: a password is required") && text.contains("hint: "), "{text}");
}

#[test]
fn a_killed_restore_leaves_nothing_for_its_helper_removes_it() {
    let store = closure(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    let root = empty();
    for millis in [30, 50, 70, 90, 120] {
        let mut command =
            remote.command(&["restore", "--key", "k", "--min-free", "1MB", "--writer", "helper"]);
        command.arg("--store").arg(root.path()).stderr(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        let begun = Instant::now();
        while !unregistered(root.path()).is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", unregistered(root.path()));
            std::thread::sleep(Duration::from_millis(20));
        }
        verify(root.path()).unwrap();
    }
    remote.run(root.path(), &["restore", "--key", "k", "--min-free", "1MB", "--writer", "helper"]);
    assert_eq!(requisites(root.path(), store.top()), store.paths());
    verify(root.path()).unwrap();
}

#[test]
fn a_killed_helper_is_a_warning_and_leaves_a_valid_store() {
    let store = closure(&(0..40).collect::<Vec<_>>());
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    for millis in [10, 40, 80, 160] {
        let root = empty();
        let mut command =
            remote.command(&["restore", "--key", "k", "--min-free", "1MB", "--writer", "helper"]);
        let child = command.arg("--store").arg(root.path()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        let name = format!("store-helper --store {}", root.path().display());
        let _ = Command::new("pkill").args(["-KILL", "-f", &name]).status();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        verify(root.path()).unwrap();
        remote.run(root.path(), &["restore", "--key", "k", "--min-free", "1MB", "--writer", "helper"]);
        assert_eq!(requisites(root.path(), store.top()), store.paths());
    }
}
