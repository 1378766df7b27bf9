//! The files of the layer.

use std::collections::BTreeSet;

use snowbank_nix::closure::Closure;
use snowbank_nix::nar::{Event, WriteError, Writer};
use snowbank_nix::store::SCHEMA_VERSION;
use snowbank_nix::store_path::{StoreDir, StorePath};

/// Where Nix looks for profiles, which it looks through for roots.
const PROFILES: &[u8] = b"/nix/var/nix/profiles";

/// Bytes that a root takes at most, but in stores with a long name, and all that is neither a root nor the database.
const ROOT: usize = 800;
const OTHERS: usize = 4096;

/// The NAR of a folder with the files below `nix/var/nix`.
///
/// Nix makes all other files there when it first opens the store, but for one: the link to the profiles in `gcroots` comes with
/// that folder only.
pub(super) fn nar(database: &[u8], closure: &Closure, dir: &StoreDir) -> Result<Vec<u8>, WriteError> {
    let roots = roots(closure);
    // So that it need not be moved as it grows.
    let size = database.len() + OTHERS + ROOT * roots.len();
    let mut folder = Folder(Writer::new(Vec::with_capacity(size))?);
    for name in ["nix", "var", "nix"] {
        folder.begin()?;
        folder.name(name)?;
    }
    folder.begin()?;
    folder.name("db")?;
    folder.begin()?;
    folder.file("db.sqlite", database)?;
    folder.file("schema", SCHEMA_VERSION.as_bytes())?;
    folder.end()?;
    folder.name("gcroots")?;
    folder.begin()?;
    folder.link("profiles", PROFILES)?;
    folder.name("snowbank")?;
    folder.begin()?;
    for root in roots {
        folder.link(root.base_name(), dir.display(root).as_bytes())?;
    }
    // `snowbank`, `gcroots`, and the four around.
    for _ in 0..6 {
        folder.end()?;
    }
    folder.0.finish()
}

/// The paths that no other one refers to: with them all are kept. In the order of their bytes.
fn roots(closure: &Closure) -> BTreeSet<&StorePath> {
    let others = closure.iter().flat_map(|info| info.references.iter().filter(|path| **path != info.path));
    let referred: BTreeSet<&StorePath> = others.collect();
    closure.iter().map(|info| &info.path).filter(|path| !referred.contains(path)).collect()
}

/// Writes what is in folders.
struct Folder(Writer<Vec<u8>>);

impl Folder {
    fn begin(&mut self) -> Result<(), WriteError> {
        self.0.event(&Event::Directory)
    }

    fn end(&mut self) -> Result<(), WriteError> {
        self.0.event(&Event::DirectoryEnd)
    }

    fn name(&mut self, name: &str) -> Result<(), WriteError> {
        self.0.event(&Event::Entry(name.as_bytes()))
    }

    fn file(&mut self, name: &str, content: &[u8]) -> Result<(), WriteError> {
        self.name(name)?;
        self.0.event(&Event::File { executable: false, size: content.len() as u64 })?;
        self.0.event(&Event::Contents(content))
    }

    fn link(&mut self, name: &str, target: &[u8]) -> Result<(), WriteError> {
        self.name(name)?;
        self.0.event(&Event::Symlink(target))
    }
}
