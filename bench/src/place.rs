//! Where the benchmark runs, and with which programs.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The run's folders and programs.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The folder that is kept between runs, for downloaded wheels.
    pub(crate) kept: PathBuf,
    /// This run's own folder, on the disk that is measured.
    pub(crate) work: PathBuf,
    /// How large the store is: `small`, `medium` or `large`.
    pub(crate) size: String,
    /// How often the sides take turns.
    pub(crate) rounds: usize,
    /// The built `snowbank`.
    pub(crate) snowbank: PathBuf,
    /// The built flat file server.
    pub(crate) flatfile: PathBuf,
}

impl Place {
    /// As `bench/run` sets it up; the programs lie beside this one.
    pub(crate) fn from_environment() -> Self {
        let variable =
            |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set: start with bench/run"));
        let programs = env::current_exe().expect("this program has a path").with_file_name("");
        Self {
            kept: variable("BENCH_FOLDER").into(),
            work: variable("TMPDIR").into(),
            size: variable("BENCH_SIZE"),
            rounds: variable("BENCH_ROUNDS").parse().expect("BENCH_ROUNDS is a number"),
            snowbank: programs.join("snowbank"),
            flatfile: programs.join("flatfile"),
        }
    }
}

/// Memory where there is some, for a server of which many small saves are not what is measured: each is synced.
pub(crate) fn quick_folder(place: &Place) -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { place.work.clone() }
}

/// Writes all that is dirty to the disk, so that the next to be measured does not pay for the last.
pub(crate) fn settle_disk() {
    succeed(&mut Command::new("sync"));
}

/// Takes a restored tree out of the way: its content goes, its files stay until the run's end. On ext4, who makes files
/// soon after others were deleted pays for that, which no fresh machine does.
pub(crate) fn set_aside(place: &Place, tree: &Path) {
    succeed(Command::new("chmod").args(["-R", "u+w"]).arg(tree));
    succeed(Command::new("find").arg(tree).args(["-type", "f", "-exec", "truncate", "-s", "0", "{}", "+"]));
    let aside = place.work.join("aside");
    std::fs::create_dir_all(&aside).expect("a folder can be made");
    let number = std::fs::read_dir(&aside).expect("a folder can be read").count();
    std::fs::rename(tree, aside.join(number.to_string())).expect("a tree can be moved");
}

/// Removes a folder, what is read-only included.
pub(crate) fn remove(folder: &Path) {
    succeed(Command::new("chmod").args(["-R", "u+w"]).arg(folder));
    succeed(Command::new("rm").arg("-rf").arg(folder));
}

/// Runs a command that must succeed.
pub(crate) fn succeed(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(status.success(), "{command:?} ended with {status}");
}
