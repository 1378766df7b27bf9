//! Nix's daemon before a private store.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    closure::nix,
    process::{PATIENCE, Process},
};

/// A daemon, until it is dropped.
#[derive(Debug)]
pub struct NixDaemon {
    _process: Process,
}

impl NixDaemon {
    /// Starts one before the store at `root`, which everybody may look into; it trusts these users, separated by spaces.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn before(root: &Path, trusted: &str) -> Self {
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("the root is ours");
        let socket = root.join("nix/var/nix/daemon-socket/socket");
        let mut command = nix("nix-daemon", root);
        command.args(["--option", "trusted-users", trusted]).env("NIX_DAEMON_SOCKET_PATH", &socket);
        let process = Process::spawn("nix-daemon", command);
        let begun = Instant::now();
        while !socket.exists() {
            assert!(begun.elapsed() < PATIENCE, "nix-daemon does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Self { _process: process }
    }
}
