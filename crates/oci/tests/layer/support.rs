//! Trees in memory, and stores made of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{Event, Writer, restore};
use snowbank_nix::store_path::{StoreDir, StorePath};
use snowbank_oci::layer::{LayerError, LayerPath, LayerSpec, PathOptions, Perm, Rewrite, write_layer};
use snowbank_oci::tree::{NarTree, Tree, TreeError, Trees};

/// What is in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    File { executable: bool, content: Vec<u8> },
    Symlink(Vec<u8>),
    Directory(BTreeMap<Vec<u8>, Node>),
}

pub(crate) fn file(content: &str) -> Node {
    Node::File { executable: false, content: content.as_bytes().to_vec() }
}

pub(crate) fn link(target: &str) -> Node {
    Node::Symlink(target.as_bytes().to_vec())
}

pub(crate) fn directory<'a>(entries: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    Node::Directory(entries.into_iter().map(|(name, node)| (name.as_bytes().to_vec(), node)).collect())
}

impl Node {
    pub(crate) fn nar(&self) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        self.write(&mut writer);
        writer.finish().unwrap()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) {
        match self {
            Self::File { executable, content } => {
                let size = content.len() as u64;
                writer.event(&Event::File { executable: *executable, size }).unwrap();
                content.chunks(1000).for_each(|bytes| writer.event(&Event::Contents(bytes)).unwrap());
            }
            Self::Symlink(target) => writer.event(&Event::Symlink(target)).unwrap(),
            Self::Directory(entries) => {
                writer.event(&Event::Directory).unwrap();
                for (name, node) in entries {
                    writer.event(&Event::Entry(name)).unwrap();
                    node.write(writer);
                }
                writer.event(&Event::DirectoryEnd).unwrap();
            }
        }
    }

    /// Adds what a tar should list of it: each name, its kind and mode, its target or content.
    pub(crate) fn list(&self, name: &[u8], listed: &mut Vec<Listed>) {
        match self {
            Self::File { executable, content } => {
                let mode = if *executable { 0o555 } else { 0o444 };
                listed.push((name.to_vec(), '0', mode, content.clone()));
            }
            Self::Symlink(target) => listed.push((name.to_vec(), '2', 0o777, target.clone())),
            Self::Directory(entries) => {
                listed.push((name.to_vec(), '5', 0o555, Vec::new()));
                for (child, node) in entries {
                    node.list(&[name, b"/", child].concat(), listed);
                }
            }
        }
    }
}

/// Name, type, mode, content or target.
pub(crate) type Listed = (Vec<u8>, char, u32, Vec<u8>);

/// NARs in memory.
#[derive(Clone, Default)]
pub(crate) struct Nars(pub(crate) BTreeMap<StorePath, Vec<u8>>);

impl Nars {
    pub(crate) fn of<'a>(paths: impl IntoIterator<Item = (&'a StorePath, &'a Node)>) -> Self {
        Self(paths.into_iter().map(|(path, node)| (path.clone(), node.nar())).collect())
    }

    /// Puts them into the store below `root`.
    pub(crate) fn unpack(&self, root: &Path) {
        let store = root.join("nix/store");
        fs::create_dir_all(&store).unwrap();
        for (path, nar) in &self.0 {
            restore(nar.as_slice(), &store.join(path.base_name())).unwrap();
        }
    }
}

impl Trees for Nars {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        let missing = || TreeError { path: path.clone(), source: "it is not there".into() };
        let nar = self.0.get(path).ok_or_else(missing)?.clone();
        let (hash, size) = (NarHash::of(&nar), nar.len() as u64);
        Ok(Box::new(NarTree::new(path.clone(), Cursor::new(nar), hash, size)))
    }
}

/// The path whose hash part has this digit and whose name is `name`.
pub(crate) fn path(digit: char, name: &str) -> StorePath {
    format!("{}-{name}", digit.to_string().repeat(32)).parse().unwrap()
}

pub(crate) fn plain(path: &StorePath) -> LayerPath {
    LayerPath { path: path.clone(), nar_hash: None, options: PathOptions::default(), part: None }
}

/// A path whose files are renamed.
pub(crate) fn moved(path: &StorePath, regex: &str, repl: &str) -> LayerPath {
    let rewrite = Rewrite { regex: regex.to_owned(), repl: repl.to_owned() };
    LayerPath { options: PathOptions { rewrite, ..PathOptions::default() }, ..plain(path) }
}

/// A path that is moved to the root, as nix2container's `copyToRoot` has it.
pub(crate) fn to_root(path: &StorePath) -> LayerPath {
    moved(path, &format!("^/nix/store/{path}"), "")
}

pub(crate) fn perm(regex: &str, mode: &str, uid: i64) -> Perm {
    Perm { regex: regex.to_owned(), mode: mode.to_owned(), uid, gid: uid, ..Perm::default() }
}

pub(crate) fn tar(paths: Vec<LayerPath>, trees: &dyn Trees) -> Result<Vec<u8>, LayerError> {
    write_layer(&LayerSpec { paths }, &StoreDir::default(), trees, Vec::new())
}

/// What a tar lists, by the `tar` crate.
pub(crate) fn listed(tar: &[u8]) -> Vec<Listed> {
    let mut archive = ::tar::Archive::new(tar);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let (kind, mode) = (char::from(header.entry_type().as_byte()), header.mode().unwrap());
        let name = entry.path_bytes().into_owned();
        let mut content = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        (name, kind, mode, content)
    });
    entries.collect()
}

/// The names that a tar lists.
pub(crate) fn names(tar: &[u8]) -> Vec<String> {
    listed(tar).into_iter().map(|(name, ..)| String::from_utf8(name).unwrap()).collect()
}

/// The directories that are there although no path has them.
pub(crate) fn implied(names: &[&str]) -> Vec<Listed> {
    names.iter().map(|name| (name.as_bytes().to_vec(), '5', 0o755, Vec::new())).collect()
}

/// Any tree of a few files, whose names and targets try the order and the formats. No name has a line's end in it: the
/// `tar` crate ends PAX records there.
pub(crate) fn trees() -> impl Strategy<Value = Node> {
    let content =
        prop_oneof![prop::collection::vec(any::<u8>(), 0..40), (0usize..3000).prop_map(|len| vec![7; len])];
    let target = prop_oneof![
        prop::collection::vec(b' '..=u8::MAX, 1..40),
        (90usize..120).prop_map(|len| vec![b't'; len]),
        (1usize..600).prop_map(|len| "ü".repeat(len).into_bytes()),
    ];
    let leaf = prop_oneof![
        4 => (any::<bool>(), content).prop_map(|(executable, content)| Node::File { executable, content }),
        1 => target.prop_map(Node::Symlink),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop::collection::btree_map(file_names(), inner, 0..6).prop_map(Node::Directory)
    })
}

fn file_names() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = prop::collection::vec(1..=u8::MAX, 1..12)
        .prop_map(|name| name.into_iter().filter(|byte| !b"/\n".contains(byte)).collect::<Vec<_>>());
    let similar = "[aA.\\-]{1,4}".prop_map(String::into_bytes);
    let long = (40usize..=255).prop_map(|len| vec![b'n'; len]);
    let foreign = (1usize..=127).prop_map(|len| "ö".repeat(len).into_bytes());
    prop_oneof![3 => any_bytes, 4 => similar, 2 => long, 1 => foreign]
        .prop_filter("a name", |name| !matches!(name.as_slice(), b"" | b"." | b".."))
}
