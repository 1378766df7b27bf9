//! A layer of any NAR and options is refused or made, and what a path is cut into is the whole path.
#![no_main]

use std::collections::BTreeSet;
use std::io::Cursor;

use libfuzzer_sys::{arbitrary, fuzz_target};
use snowbank_nix::hash::NarHash;
use snowbank_nix::store_path::{StoreDir, StorePath};
use snowbank_oci::layer::{LayerPath, LayerSpec, Part, PathOptions, Perm, Rewrite, parts, write_layer};
use snowbank_oci::tar::BLOCK;
use snowbank_oci::tree::{NarTree, Tree, TreeError, Trees};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input {
    nar: Vec<u8>,
    regex: String,
    repl: String,
    perm: String,
    mode: String,
    or_mode: String,
    uid: i64,
    ignore: String,
    from: Option<Vec<u8>>,
    until: Option<Vec<u8>>,
    cap: u16,
}

/// The same NAR for each path.
struct OneNar(Vec<u8>);

impl Trees for OneNar {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        let (hash, size) = (NarHash::of(&self.0), self.0.len() as u64);
        Ok(Box::new(NarTree::new(path.clone(), Cursor::new(self.0.clone()), hash, size)))
    }
}

fn path(name: &str) -> StorePath {
    format!("xv2iccirbrvklck36f1g7vldn5v58vck-{name}").parse().expect("a store path")
}

fn layer(path: StorePath, options: PathOptions, part: Option<Part>) -> LayerPath {
    LayerPath { path, nar_hash: None, options, part }
}

/// The tar of a layer, if there is one.
fn tar(paths: Vec<LayerPath>, trees: &OneNar) -> Option<Vec<u8>> {
    let made = write_layer(&LayerSpec { paths }, &StoreDir::default(), trees, Vec::new()).ok()?;
    assert_eq!(made.len() % BLOCK, 0);
    Some(made)
}

fuzz_target!(|input: Input| {
    let Input { nar, regex, repl, perm, mode, or_mode, uid, ignore, from, until, cap } = input;
    let (dir, trees) = (StoreDir::default(), OneNar(nar));
    let perm = Perm { regex: perm, mode, or_mode, uid, ..Perm::default() };
    let rewrite = Rewrite { regex, repl };
    let options = PathOptions { rewrite, perms: vec![perm], ignore_destination: ignore };
    let renamed = layer(path("a"), options, None);
    let _ = LayerSpec { paths: vec![renamed.clone()] }.warnings(&dir);
    tar(vec![layer(path("b"), PathOptions::default(), Some(Part { from, until })), renamed], &trees);

    let Some(whole) = tar(vec![layer(path("a"), PathOptions::default(), None)], &trees) else { return };
    let mut tree = trees.open(&path("a")).expect("it is in memory");
    let cut = parts(&path("a"), &dir, tree.as_mut(), u64::from(cap)).expect("what makes a layer can be cut");
    let blocks = |tar: &[u8]| tar.chunks(BLOCK).map(<[u8]>::to_vec).collect::<BTreeSet<_>>();
    let mut together = BTreeSet::new();
    for part in cut {
        together.extend(blocks(
            &tar(vec![layer(path("a"), PathOptions::default(), Some(part))], &trees).expect("a part"),
        ));
    }
    assert_eq!(together, blocks(&whole));
});
