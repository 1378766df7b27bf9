//! Where the tools lie that tests need, and how they get there.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

/// The repository's root folder.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository's root exists")
}

/// The folder into which `scripts/setup` installs what the system lacks.
#[must_use]
pub fn folder() -> PathBuf {
    repository().join("target/tools")
}

/// The variable that names a folder of programs to use rather than any others: another Nix, as `scripts/debian-suite`
/// fetches one.
pub const PREFERRED: &str = "SNOWBANK_TEST_PROGRAMS";

/// A search path that finds the programs in [`PREFERRED`] first, then the installed tools, then the system's (those of
/// the administrator too).
#[must_use]
pub fn search_path() -> OsString {
    let own = folder().join("bin");
    let system = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::var_os(PREFERRED).map(PathBuf::from).into_iter().collect();
    folders.push(own);
    folders.extend(std::env::split_paths(&system));
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    std::env::join_paths(folders).expect("no folder on the search path holds a colon")
}

/// A command that is searched for on [`search_path`].
#[must_use]
pub fn command(program: &str) -> Command {
    let path = search_path();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    let mut command = Command::new(found.unwrap_or_else(|| program.into()));
    command.env("PATH", path);
    command
}

/// Has `scripts/setup` install one of its parts (`nix`, `npm`, `s3`, `nginx`, ...) unless it is there.
///
/// # Panics
/// When the part is missing and cannot be installed, with what the script said.
pub fn ensure(part: &str) {
    static DONE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut done = DONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if done.contains(part) {
        return;
    }
    let output =
        Command::new(repository().join("scripts/setup")).arg(part).output().expect("scripts/setup runs");
    assert!(
        output.status.success(),
        "`scripts/setup {part}` failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    done.insert(part.to_owned());
}

/// What `scripts/debian-suite` ends with where the package cannot be had.
const NOT_TO_BE_HAD: i32 = 3;

/// The folder of the programs of another Debian release's package; why not, where it cannot be had.
///
/// # Errors
/// When this is no Debian, or its archive cannot be reached or has no such package.
///
/// # Panics
/// When something else goes wrong.
pub fn of_suite(suite: &str, package: &str) -> Result<PathBuf, String> {
    let script = repository().join("scripts/debian-suite");
    let output = Command::new(script).args([suite, package]).output().expect("scripts/debian-suite runs");
    if output.status.code() == Some(NOT_TO_BE_HAD) {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    assert!(
        output.status.success(),
        "`scripts/debian-suite {suite} {package}` failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(folder().join(format!("{package}-{suite}/bin")))
}
