//! The command as a user who may write nowhere.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use crate::kit::Remote;

const NOBODY: &str = "65534";

/// `nobody`, with a copy of the binary that everybody can read.
pub(crate) struct Nobody(TempDir);

impl Nobody {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        // By a process of its own: what this one has open for writing, a child of another test may hold while it is to run.
        let copied =
            Command::new("cp").arg(env!("CARGO_BIN_EXE_snowbank")).arg(folder.path()).status().unwrap();
        assert!(copied.success());
        Self(folder)
    }

    /// The command as this user.
    pub(crate) fn command(&self, remote: &Remote, arguments: &[&str]) -> Command {
        let ours = remote.command(arguments);
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
        command.arg(self.0.path().join("snowbank")).args(ours.get_args());
        for (name, value) in ours.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("HOME", "/nonexistent").env_remove("XDG_STATE_HOME");
        command
    }
}
