//! Roots of the garbage collector that outlive the process.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{WriteError, error::file};
use crate::{nix32, store::Place, store_path::StorePath};

/// Makes `link` a link to `path` and a root of the garbage collector, as `nix-store --add-root` does: while the link
/// is there, the path is kept. A link that is there is replaced; anything else is not.
///
/// # Errors
/// When something other than a link is there, or the link or the root cannot be made.
pub fn add_gc_root(place: &Place, link: &Path, path: &StorePath) -> Result<(), WriteError> {
    let link = std::path::absolute(link).map_err(file("find", link))?;
    match link.symlink_metadata() {
        Ok(found) if found.is_symlink() => {}
        Ok(_) => {
            let error = io::Error::new(io::ErrorKind::AlreadyExists, "something other than a link is there");
            return Err(file("make the root", &link)(error));
        }
        Err(_) => {
            let folder = link.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(folder).map_err(file("make", folder))?;
        }
    }
    // What is to be kept is under a temporary root of the caller's until both are there.
    replace(&link, Path::new(&place.dir().display(path)))?;
    let auto = place.state().join("gcroots/auto");
    fs::create_dir_all(&auto).map_err(file("make", &auto))?;
    replace(&auto.join(name(&link)), &link)
}

/// What tells one link's root from another's.
fn name(link: &Path) -> String {
    nix32::encode(&Sha256::digest(link.as_os_str().as_encoded_bytes())[..20])
}

/// Puts a link in the place of another one in one step.
fn replace(at: &Path, target: &Path) -> Result<(), WriteError> {
    let new: PathBuf = {
        let mut name = at.as_os_str().to_owned();
        name.push(format!(".new-{}", std::process::id()));
        name.into()
    };
    let _ = fs::remove_file(&new);
    symlink(target, &new).map_err(file("make the link", &new))?;
    fs::rename(&new, at).map_err(file("make the link", at))
}
