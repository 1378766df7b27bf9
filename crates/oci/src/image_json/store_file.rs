//! Which store path a file is in.

use std::path::{Component, Path, PathBuf};

use snowbank_nix::store_path::{StoreDir, StorePath, StorePathError};

/// A file that is in no store path.
#[derive(Debug, thiserror::Error)]
#[error("{file:?} is not a file in a store path of {dir}")]
pub struct StoreFileError {
    /// The file.
    pub file: PathBuf,
    /// The store directory.
    pub dir: StoreDir,
    /// Why, if the store path is at fault.
    #[source]
    pub source: Option<StorePathError>,
}

/// Takes the full path of a file in the store apart: the store path, and the file's path within it, which is empty where the
/// store path is the file. It is in its shortest form and leads nowhere else.
///
/// # Errors
/// When it is not in a store path, or not in its shortest form.
pub fn split_store_file(dir: &StoreDir, file: &Path) -> Result<(StorePath, PathBuf), StoreFileError> {
    let fail = |source| StoreFileError { file: file.to_owned(), dir: dir.clone(), source };
    let rest = file.to_str().and_then(|file| file.strip_prefix(dir.as_str())?.strip_prefix('/'));
    let (base, inside) = rest
        .map(|rest| rest.split_once('/').map_or((rest, None), |(a, b)| (a, Some(b))))
        .ok_or_else(|| fail(None))?;
    let path = base.parse().map_err(|source| fail(Some(source)))?;
    let Some(inside) = inside else { return Ok((path, PathBuf::new())) };
    // Components drop what is to be refused: empty ones, and dots.
    let shortest: PathBuf =
        Path::new(inside).components().filter(|one| matches!(one, Component::Normal(_))).collect();
    if shortest.as_os_str() != inside || inside.is_empty() || inside.contains('\0') {
        return Err(fail(None));
    }
    Ok((path, shortest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: &str = "xv2iccirbrvklck36f1g7vldn5v58vck-layers";

    fn split(text: &str) -> Option<(String, PathBuf)> {
        split_store_file(&StoreDir::default(), Path::new(text))
            .ok()
            .map(|(path, inside)| (path.base_name().to_owned(), inside))
    }

    #[test]
    fn a_file_is_taken_apart() {
        let base = || BASE.to_owned();
        assert_eq!(split(&format!("/nix/store/{BASE}/a/b.tar")), Some((base(), "a/b.tar".into())));
        assert_eq!(split(&format!("/nix/store/{BASE}")), Some((base(), PathBuf::new())));
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for text in [
            "",
            "/nix/store",
            "/nix/store/",
            "/etc/passwd",
            "/nix/store/x/y",
            &format!("{BASE}/a"),
            &format!("/nix/store//{BASE}/a"),
            &format!("/nix/store/{BASE}/"),
            &format!("/nix/store/{BASE}/a/"),
            &format!("/nix/store/{BASE}//a"),
            &format!("/nix/store/{BASE}/."),
            &format!("/nix/store/{BASE}/.."),
            &format!("/nix/store/{BASE}/./a"),
            &format!("/nix/store/{BASE}/a/../../b"),
            &format!("/nix/store/../{BASE}/a"),
            &format!("/nix/store/{BASE}/a\0b"),
        ] {
            assert_eq!(split(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_apart_can_be_joined(text in "(/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-a)?[a./]{0,12}") {
            let dir = StoreDir::default();
            if let Ok((path, inside)) = split_store_file(&dir, Path::new(&text)) {
                prop_assert!(inside.components().all(|one| matches!(one, Component::Normal(_))));
                let full = dir.display(&path);
                let whole = if inside.as_os_str().is_empty() { full.into() } else { Path::new(&full).join(inside) };
                prop_assert_eq!(whole.as_os_str(), text.as_str());
            }
        }
    }
}
