//! Paths as `nix-store --import` reads them: NARs, each with what it refers to.

use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
    path::Path,
    process::Stdio,
};

use crate::closure::nix;

/// Ends the NAR of a path.
const MAGIC: u64 = 0x4558_494e;

/// A file of a path.
pub(super) struct File {
    /// Its place, folders before slashes.
    pub(super) name: String,
    pub(super) executable: bool,
    pub(super) bytes: Vec<u8>,
}

/// All files of a path.
pub(super) type Tree = Vec<File>;

/// A path, what it refers to, and what is in it.
pub(super) type New = (String, Vec<String>, Tree);

/// A folder or file on its way into a NAR.
enum Node<'a> {
    Folder(BTreeMap<&'a str, Node<'a>>),
    File(&'a File),
}

/// Adds paths to the private store at `root`, each after what it refers to.
pub(super) fn import(root: &Path, paths: Vec<New>) {
    let mut command = nix("nix-store", root);
    let mut child = command
        .args(["--option", "build-users-group", "", "--import"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("nix-store can be run");
    let input = child.stdin.take().expect("the program's input is piped");
    // Nix tells why it takes no more.
    let sent = send(BufWriter::new(input), paths);
    let status = child.wait().expect("nix-store ends");
    assert!(status.success() && sent.is_ok(), "nix-store --import ended with {status}: {sent:?}");
}

fn send(mut to: impl Write, paths: Vec<New>) -> io::Result<()> {
    for (path, references, tree) in paths {
        number(&mut to, 1)?;
        string(&mut to, b"nix-archive-1")?;
        node(&mut to, &folder(&tree))?;
        number(&mut to, MAGIC)?;
        string(&mut to, path.as_bytes())?;
        let mut references = references;
        references.sort();
        number(&mut to, references.len() as u64)?;
        references.iter().try_for_each(|reference| string(&mut to, reference.as_bytes()))?;
        // No deriver, no signature of the old kind.
        string(&mut to, b"")?;
        number(&mut to, 0)?;
    }
    number(&mut to, 0)?;
    to.flush()
}

fn folder(tree: &Tree) -> Node<'_> {
    let mut top = BTreeMap::new();
    for file in tree {
        let mut within = &mut top;
        let mut names: Vec<_> = file.name.split('/').collect();
        let last = names.pop().unwrap_or_default();
        for name in names {
            match within.entry(name).or_insert_with(|| Node::Folder(BTreeMap::new())) {
                Node::Folder(next) => within = next,
                Node::File(_) => panic!("{name} is a file and a folder"),
            }
        }
        within.insert(last, Node::File(file));
    }
    Node::Folder(top)
}

fn node(to: &mut impl Write, node_: &Node<'_>) -> io::Result<()> {
    let mut words = |words: &[&str]| words.iter().try_for_each(|word| string(to, word.as_bytes()));
    match node_ {
        Node::File(file) => {
            words(&["(", "type", "regular"])?;
            if file.executable {
                words(&["executable", ""])?;
            }
            words(&["contents"])?;
            string(to, &file.bytes)?;
        }
        Node::Folder(entries) => {
            words(&["(", "type", "directory"])?;
            for (name, entry) in entries {
                ["entry", "(", "name", name, "node"]
                    .iter()
                    .try_for_each(|word| string(to, word.as_bytes()))?;
                node(to, entry)?;
                string(to, b")")?;
            }
        }
    }
    string(to, b")")
}

fn number(to: &mut impl Write, number: u64) -> io::Result<()> {
    to.write_all(&number.to_le_bytes())
}

/// Its length, its bytes, zeros up to a multiple of eight.
fn string(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    number(to, bytes.len() as u64)?;
    to.write_all(bytes)?;
    to.write_all(&[0; 8][..(8 - bytes.len() % 8) % 8])
}
