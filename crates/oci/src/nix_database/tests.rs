use std::collections::BTreeSet;

use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{Event, Writer};
use snowbank_nix::path_info::PathInfo;

use super::*;
use crate::compression::Compression;
use crate::config::{ConfigFile, ImageConfig};
use crate::descriptor::Platform;
use crate::digest::Digest;
use crate::image::{
    ImagePlan, LAYER_ANNOTATION, LayerContent, NAME_ANNOTATION, PATHS_ANNOTATION, assemble, paths_of,
};
use crate::layer::{LayerSpec, write_layer};
use crate::manifest::ImageManifest;
use crate::record::LayerRecord;
use crate::tree::{NarTree, Tree, TreeError};

/// Every path is a file of this text.
struct Text(&'static str);

impl Text {
    fn nar(&self) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        writer.event(&Event::File { executable: false, size: self.0.len() as u64 }).unwrap();
        writer.event(&Event::Contents(self.0.as_bytes())).unwrap();
        writer.finish().unwrap()
    }
}

impl Trees for Text {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        let nar = self.nar();
        let (hash, size) = (NarHash::of(&nar), nar.len() as u64);
        Ok(Box::new(NarTree::new(path.clone(), std::io::Cursor::new(nar), hash, size)))
    }

    fn has(&self, path: &StorePath) -> bool {
        path.name() == "there"
    }
}

fn path(digit: char, name: &str) -> StorePath {
    format!("{}-{name}", digit.to_string().repeat(32)).parse().unwrap()
}

fn info(path: StorePath, references: &[&StorePath]) -> PathInfo {
    PathInfo {
        path,
        nar_hash: NarHash::of(b""),
        nar_size: 112,
        references: references.iter().map(|&path| path.clone()).collect(),
        deriver: None,
        signatures: BTreeSet::new(),
        ca: None,
    }
}

/// Two paths that nothing refers to, each of which refers to itself, and one below.
fn closure() -> Closure {
    let (a, b, c) = (path('a', "a"), path('b', "b"), path('c', "c"));
    Closure::new([info(a.clone(), &[&a, &c]), info(b.clone(), &[&b]), info(c, &[])]).unwrap()
}

fn database() -> NixDatabase {
    NixDatabase::new(&closure(), &Text("none is read"), &StoreDir::default()).unwrap()
}

fn spec(layer: &PlannedLayer) -> &LayerSpec {
    let LayerContent::Paths(spec) = &layer.content else { panic!("a layer of paths") };
    spec
}

fn tar(database: NixDatabase) -> Vec<u8> {
    let layer = database.layer(&Timestamp::of_store());
    let trees = database.among(Arc::new(Text("")));
    write_layer(spec(&layer), &StoreDir::default(), &*trees, Vec::new()).unwrap()
}

#[test]
fn the_tar_has_what_nix_looks_for() {
    let tar = tar(database());
    let mut archive = tar::Archive::new(&tar[..]);
    let told = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let link = entry.link_name_bytes().map(|link| String::from_utf8(link.into_owned()).unwrap());
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        let content =
            link.unwrap_or_else(|| String::from_utf8_lossy(&content[..content.len().min(15)]).into());
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        format!("{:o} {name} {content}", header.mode().unwrap()).trim_end().to_owned()
    });
    let wanted = [
        "755 /",
        "755 /nix",
        "755 /nix/var",
        "755 /nix/var/nix",
        "755 /nix/var/nix/db",
        "644 /nix/var/nix/db/db.sqlite SQLite format 3",
        "644 /nix/var/nix/db/schema 10",
        "755 /nix/var/nix/gcroots",
        "777 /nix/var/nix/gcroots/profiles /nix/var/nix/profiles",
        "755 /nix/var/nix/gcroots/snowbank",
        "777 /nix/var/nix/gcroots/snowbank/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a /nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a",
        "777 /nix/var/nix/gcroots/snowbank/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b /nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-b",
    ];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
}

#[test]
fn the_layer_follows_from_the_closure() {
    let key = |database: &NixDatabase| {
        crate::record::LayerKey::of(spec(&database.layer(&Timestamp::of_store())), Compression::Zstd).unwrap()
    };
    let (one, again) = (database(), database());
    assert_eq!(key(&one), key(&again));
    assert_eq!(tar(one.clone()), tar(again));
    let other = Closure::new([info(path('a', "a"), &[])]).unwrap();
    let other = NixDatabase::new(&other, &Text(""), &StoreDir::default()).unwrap();
    assert_ne!(key(&one), key(&other));
}

#[test]
fn other_paths_are_read_where_they_are() {
    let trees = database().among(Arc::new(Text("other")));
    assert_eq!(read_file(&*trees, &path('a', "a"), 100).unwrap(), b"other");
    assert!(trees.has(&path('a', "there")) && !trees.has(&path('a', "a")));
    assert!(trees.has(&spec(&database().layer(&Timestamp::of_store())).paths[0].path));
}

#[test]
fn derivations_are_read() {
    let drv = path('d', "d.drv");
    let closure = Closure::new([info(drv.clone(), &[])]).unwrap();
    let of = |text| NixDatabase::new(&closure, &Text(text), &StoreDir::default());
    let one =
        r#"Derive([("out","/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a","","")],[],[],"x","x",[],[])"#;
    let other =
        r#"Derive([("out","/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-a","","")],[],[],"x","x",[],[])"#;
    let layer = |database: NixDatabase| database.layer(&Timestamp::of_store());
    assert_ne!(spec(&layer(of(one).unwrap())), spec(&layer(of(other).unwrap())));
    assert!(matches!(of("no derivation"), Err(NixDatabaseError::Derivation { path, .. }) if path == drv));
}

#[test]
fn it_is_not_told_of_as_a_package() {
    let layer = database().layer(&Timestamp::of_store());
    assert_eq!(paths_of(&layer.history), Some(Vec::new()));
    let plan = ImagePlan {
        config: ImageConfig::default(),
        layers: vec![layer],
        platform: Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None },
        created: None,
        annotations: BTreeMap::new(),
    };
    assert!(plan.paths().is_empty());
    let digest = Digest::of(b"");
    let compression = Compression::None;
    let record = LayerRecord { diff_id: digest, diff_size: None, digest, size: 0, compression };
    let assembled = assemble(&plan, &[record]).unwrap();
    let manifest = ImageManifest::parse(&assembled.manifest).unwrap();
    let annotations = &manifest.layers[0].annotations;
    assert_eq!(annotations[NAME_ANNOTATION], NAME);
    assert!(annotations.contains_key(LAYER_ANNOTATION) && !annotations.contains_key(PATHS_ANNOTATION));
    assert_eq!(ConfigFile::parse(&assembled.config).unwrap().history[0].created_by, NAME);
}
