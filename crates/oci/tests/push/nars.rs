//! Store paths in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::Mutex;

use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{Event, Writer};
use snowbank_nix::store_path::StorePath;
use snowbank_oci::tree::{NarTree, Tree, TreeError, Trees};

/// The store path of that name.
pub(crate) fn path(name: &str) -> StorePath {
    format!("h8w4qkbgq0l44r1l2c7yq0z0bnpvfzvx-{name}").parse().unwrap()
}

/// The content of the file in the store path of that name: bytes that do not compress.
pub(crate) fn content(name: &str) -> Vec<u8> {
    let seed = |state: u64, byte: u8| state.wrapping_mul(31).wrapping_add(u64::from(byte));
    let mut state = name.bytes().fold(7, seed);
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_le_bytes()[7]
    };
    std::iter::repeat_with(next).take(if name == "large" { 4 << 20 } else { 2000 }).collect()
}

/// The NAR of the store path of that name: a directory with one file, `file`.
fn nar(name: &str) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.event(&Event::Directory).unwrap();
    writer.event(&Event::Entry(b"file")).unwrap();
    let content = content(name);
    writer.event(&Event::File { executable: false, size: content.len() as u64 }).unwrap();
    content.chunks(1 << 16).for_each(|bytes| writer.event(&Event::Contents(bytes)).unwrap());
    writer.event(&Event::DirectoryEnd).unwrap();
    writer.finish().unwrap()
}

/// The NAR hash of the store path of that name.
pub(crate) fn hash(name: &str) -> NarHash {
    NarHash::of(&nar(name))
}

/// Every store path is there, but for those that are not.
#[derive(Default)]
pub(crate) struct Nars {
    /// How often each was opened.
    pub(crate) opened: Mutex<BTreeMap<String, u32>>,
    /// Those that are not there.
    pub(crate) gone: Mutex<BTreeSet<String>>,
    /// Those whose NARs end in the middle.
    pub(crate) broken: Mutex<BTreeSet<String>>,
}

impl Trees for Nars {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        let name = path.name();
        *self.opened.lock().unwrap().entry(name.to_owned()).or_default() += 1;
        let mut nar = nar(name);
        let (hash, size) = (NarHash::of(&nar), nar.len() as u64);
        if self.broken.lock().unwrap().contains(name) {
            nar.truncate(nar.len() / 2);
        }
        Ok(Box::new(NarTree::new(path.clone(), Cursor::new(nar), hash, size)))
    }

    fn has(&self, path: &StorePath) -> bool {
        !self.gone.lock().unwrap().contains(path.name())
    }
}
