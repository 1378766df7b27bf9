//! The store directory, a part of what store paths are computed from.

use std::fmt;

use super::{StorePath, StorePathError};

/// Bytes of the longest store directory.
const MAX_LEN: usize = 1024;

/// The directory that store paths are said to be in, `/nix/store` unless somebody chose otherwise; where the files
/// really lie is another matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreDir(String);

impl Default for StoreDir {
    fn default() -> Self {
        Self("/nix/store".to_owned())
    }
}

impl StoreDir {
    /// An absolute path in its shortest form, of printable ASCII; `None` for others.
    #[must_use]
    pub fn new(path: &str) -> Option<Self> {
        let parts = path.strip_prefix('/')?;
        let good = path.len() <= MAX_LEN
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
            && parts.split('/').all(|part| !matches!(part, "" | "." | ".."));
        good.then(|| Self(path.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a full path, which must be written in its shortest form.
    ///
    /// # Errors
    /// When it is not directly in this directory, or is no store path.
    pub fn parse(&self, path: &str) -> Result<StorePath, StorePathError> {
        let base = path.strip_prefix(&self.0).and_then(|rest| rest.strip_prefix('/'));
        base.ok_or(StorePathError::Directory)?.parse()
    }

    /// The full path.
    #[must_use]
    pub fn display(&self, path: &StorePath) -> String {
        format!("{}/{path}", self.0)
    }
}

impl fmt::Display for StoreDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "xv2iccirbrvklck36f1g7vldn5v58vck-myfile";

    #[test]
    fn a_full_path_is_read_and_written() {
        let dir = StoreDir::default();
        let full = format!("/nix/store/{BASE}");
        let path = dir.parse(&full).unwrap();
        assert_eq!(path.base_name(), BASE);
        assert_eq!(dir.display(&path), full);
        assert_eq!(StoreDir::new("/gnu/store").unwrap().display(&path), format!("/gnu/store/{BASE}"));
    }

    #[test]
    fn a_path_of_another_directory_is_refused() {
        for text in [
            BASE,
            &format!("/nix/storex/{BASE}"),
            &format!("/gnu/store/{BASE}"),
            &format!("nix/store/{BASE}"),
            "/nix/store",
        ] {
            assert_eq!(StoreDir::default().parse(text), Err(StorePathError::Directory), "{text}");
        }
        for text in [
            "/nix/store/",
            &format!("/nix/store//{BASE}"),
            &format!("/nix/store/a/../{BASE}"),
            "/nix/store/..",
        ] {
            assert_eq!(StoreDir::default().parse(text), Err(StorePathError::Hash), "{text}");
        }
        assert!(StoreDir::default().parse(&format!("/nix/store/{BASE}/bin")).is_err());
    }

    #[test]
    fn a_store_directory_is_absolute_and_in_its_shortest_form() {
        for path in
            ["", "/", "nix/store", "/nix/", "/nix//store", "/nix/../store", "/.", "/a b", "/a:b", "/é"]
        {
            assert_eq!(StoreDir::new(path), None, "{path}");
        }
        assert_eq!(StoreDir::new("/nix/store"), Some(StoreDir::default()));
        assert_eq!(StoreDir::new(&format!("/{}", "x".repeat(MAX_LEN))), None);
    }
}
