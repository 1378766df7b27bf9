//! From what a user names to a store path.

use std::path::{Path, PathBuf};

use snowbank_nix::store::Place;
use snowbank_nix::store_path::StorePath;

/// Links that may lead to a store path, one to the next; as many as Linux follows.
const LINKS: usize = 40;

/// The store path that `path` is, lies in, or leads to. A link's text names the store as `/nix/store` wherever it lies.
pub(super) fn resolve(place: &Place, path: &Path) -> Option<StorePath> {
    let mut path = std::path::absolute(path).ok()?;
    for _ in 0..LINKS {
        if let Some(found) = within(place, &path) {
            return Some(found);
        }
        let target = std::fs::read_link(&path).ok()?;
        path = path.parent()?.join(target);
    }
    None
}

fn within(place: &Place, path: &Path) -> Option<StorePath> {
    let rest = path.strip_prefix(place.store()).or_else(|_| path.strip_prefix(place.dir().as_str())).ok()?;
    rest.components().next()?.as_os_str().to_str()?.parse().ok()
}

/// The `result` links of a folder, sorted.
pub(super) fn results(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_result = |name: &str| name == "result" || name.starts_with("result-");
    let mut links: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_result))
        .map(|entry| entry.path())
        .filter(|path| path.is_symlink())
        .collect();
    links.sort();
    links
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const BASE: &str = "xv2iccirbrvklck36f1g7vldn5v58vck-a";

    #[test]
    fn paths_links_and_files_below_name_a_store_path() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::below(folder.path());
        let logical = format!("/nix/store/{BASE}");
        symlink(&logical, folder.path().join("result")).unwrap();
        symlink("result", folder.path().join("result-dev")).unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        std::fs::write(folder.path().join("result.txt"), "").unwrap();
        let physical = folder.path().join("nix/store").join(BASE);
        for path in [
            PathBuf::from(&logical),
            format!("{logical}/bin/x").into(),
            physical.clone(),
            physical.join("lib"),
            folder.path().join("result"),
            folder.path().join("result-dev"),
        ] {
            assert_eq!(resolve(&place, &path), Some(BASE.parse().unwrap()), "{path:?}");
        }
        for name in ["loop", "result.txt", "absent"] {
            assert_eq!(resolve(&place, &folder.path().join(name)), None, "{name}");
        }
        let names: Vec<_> =
            results(folder.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["result", "result-dev"]);
    }
}
