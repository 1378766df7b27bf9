//! What is asked for, in the order in which it is.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use snowbank_nix::store_path::StorePath;

/// Bytes that are read of a list: some hundred thousand paths.
const MAX_LEN: u64 = 32 << 20;

/// Notes paths as they are asked for, each once. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Usage(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    seen: HashSet<StorePath>,
    order: Vec<StorePath>,
    file: Option<File>,
}

impl Usage {
    /// Notes them in a file as well, for another process: a path a line.
    ///
    /// # Errors
    /// When the file, or its folder, cannot be made.
    pub fn in_file(file: &Path) -> io::Result<Self> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(file)?;
        Ok(Self(Arc::new(Mutex::new(Noted { file: Some(file), ..Noted::default() }))))
    }

    /// What such a file tells. One that is not there, or not to be read, tells nothing; so does a line that was not
    /// finished.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        let mut text = Vec::new();
        let usage = Self::default();
        if File::open(file).and_then(|open| open.take(MAX_LEN).read_to_end(&mut text)).is_ok() {
            let lines = text.split_inclusive(|&byte| byte == b'\n');
            let lines = lines.filter_map(|line| std::str::from_utf8(line.strip_suffix(b"\n")?).ok());
            lines.filter_map(|line| line.parse().ok()).for_each(|path| usage.note(&path));
        }
        usage
    }

    /// What was noted so far.
    #[must_use]
    pub fn paths(&self) -> Vec<StorePath> {
        self.noted().order.clone()
    }

    pub(super) fn note(&self, path: &StorePath) {
        let mut noted = self.noted();
        if !noted.seen.insert(path.clone()) {
            return;
        }
        noted.order.push(path.clone());
        if let Some(file) = &mut noted.file {
            // It only helps the next run to be quick.
            let _ = file.write_all(format!("{path}\n").as_bytes());
        }
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::samples::name;

    #[test]
    fn paths_are_noted_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/of/used");
        assert_eq!(Usage::read(&file).paths(), []);
        let usage = Usage::in_file(&file).unwrap();
        for number in [3, 1, 3, 2] {
            usage.note(&name(number));
        }
        let expected = [name(3), name(1), name(2)];
        assert_eq!(
            (usage.paths().as_slice(), Usage::read(&file).paths().as_slice()),
            (&expected[..], &expected[..])
        );
        fs::write(&file, format!("{}\n../x\n\u{fffd}\n{}", name(1), name(2))).unwrap();
        assert_eq!(Usage::read(&file).paths(), [name(1)], "no other line is one");
    }
}
