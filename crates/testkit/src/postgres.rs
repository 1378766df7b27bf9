//! A real PostgreSQL server as a process of its own, on a temporary folder and a free port.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::{
    process::{Process, free_port},
    tools,
};

/// The database user that owns everything.
const USER: &str = "snowbank";

/// A running PostgreSQL server; it and its folder go when this is dropped. Nothing of it is synced to disk.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
    authority: PathBuf,
    _folder: TempDir,
}

/// The one server of a process whose tests share it.
static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

impl Postgres {
    /// Starts a server.
    ///
    /// # Panics
    /// When PostgreSQL is not installed and cannot be, or does not start.
    #[must_use]
    pub fn start() -> Self {
        let programs = programs();
        let account = account();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder for the data");
        if let Some((user, group)) = account {
            for folder in [folder.path(), &data] {
                chown(folder, Some(user), Some(group)).expect("root can give a folder away");
            }
        }

        let mut initdb = command(&programs, "initdb", folder.path(), account);
        initdb.args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D"]).arg(&data);
        let output = initdb.output().expect("initdb can be started");
        assert!(output.status.success(), "initdb failed:\n{}", String::from_utf8_lossy(&output.stderr));

        let authority = certify(&data, account);
        let port = free_port();
        let mut server = command(&programs, "postgres", folder.path(), account);
        // -F: without fsync.
        server.args(["-F", "-h", "127.0.0.1", "-p", &port.to_string(), "-D"]).arg(&data);
        server.args(["-c", "unix_socket_directories=", "-c", "max_connections=200", "-c", "ssl=on"]);
        let process = Process::spawn("postgres", server);
        process.wait_for_line("that it is ready", |line| {
            line.contains("database system is ready to accept connections").then_some(())
        });
        Self { process, programs, port, databases: AtomicU32::new(0), authority, _folder: folder }
    }

    /// The server that the tests of this process share; it stops when the last of them lets go of it.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *shared = Arc::downgrade(&started);
            started
        })
    }

    /// The certificate that vouches for the server, in PEM. It offers TLS and does not insist.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// The URL of a new, empty database.
    ///
    /// # Panics
    /// When the server cannot make it.
    #[must_use]
    pub fn fresh_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let output = Command::new(self.programs.join("createdb"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER, &name])
            .output()
            .expect("createdb can be started");
        assert!(output.status.success(), "createdb failed:\n{}", String::from_utf8_lossy(&output.stderr));
        format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its fast shutdown: connections are closed, not waited for. Fails only when it has ended by itself.
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        let _ = id.map(|id| kill_process(id, Signal::INT));
        self.process.terminate();
    }
}

/// Gives the server a certificate for its address, signed by itself, and returns where that lies.
fn certify(data: &Path, account: Option<(u32, u32)>) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (certificate, key) = (data.join("server.crt"), data.join("server.key"));
    for (file, text) in [(&certificate, made.cert.pem()), (&key, made.signing_key.serialize_pem())] {
        fs::write(file, text).expect("a file in the data folder");
        // PostgreSQL refuses a key that others may read.
        fs::set_permissions(file, Permissions::from_mode(0o600)).expect("the file is ours");
        if let Some((user, group)) = account {
            chown(file, Some(user), Some(group)).expect("root can give a file away");
        }
    }
    certificate
}

/// The folder of the newest installed server's programs.
fn programs() -> PathBuf {
    find_programs().unwrap_or_else(|| {
        tools::ensure("postgres");
        find_programs().expect("PostgreSQL is not installed: `apt-get install postgresql` brings it")
    })
}

fn find_programs() -> Option<PathBuf> {
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let newest = packaged.filter(|(_, folder)| folder.join("initdb").is_file()).max();
    newest.map(|(_, folder)| folder).or_else(|| {
        let path = tools::search_path();
        std::env::split_paths(&path).find(|folder| folder.join("initdb").is_file())
    })
}

/// Whom to run as: PostgreSQL refuses to be root.
fn account() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("the list of accounts");
    let find = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("an account that is not root's"))
}

fn command(
    programs: &Path,
    program: impl AsRef<OsStr>,
    folder: &Path,
    account: Option<(u32, u32)>,
) -> Command {
    let mut command = Command::new(programs.join(program.as_ref()));
    // Not the caller's folder, which the account may not enter; messages in English, for they are read here.
    command.current_dir(folder).env("LC_ALL", "C");
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}
