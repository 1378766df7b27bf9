use snowbank_nix::store_path::{StoreDir, StorePath};

use super::*;
use crate::compression::Compression;
use crate::image::{LayerContent, paths_of};
use crate::layer::{LayerSpec, write_layer};
use crate::made::is_made;
use crate::record::LayerKey;
use crate::tree::{Tree, TreeError};

const OWNER: Owner = Owner { uid: 65532, gid: 7 };

/// Nothing is asked of them.
struct NoTrees;

impl Trees for NoTrees {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        panic!("{path} is read")
    }

    fn has(&self, _: &StorePath) -> bool {
        false
    }
}

fn volumes(folders: &[&str]) -> Volumes {
    Volumes::new(folders.iter().copied(), OWNER).unwrap()
}

fn spec(layer: &PlannedLayer) -> &LayerSpec {
    let LayerContent::Paths(spec) = &layer.content else { panic!("a layer of paths") };
    spec
}

fn listed(volumes: Volumes) -> Vec<String> {
    let layer = volumes.layer(&Timestamp::of_store());
    let trees = volumes.among(Arc::new(NoTrees));
    let tar = write_layer(spec(&layer), &StoreDir::default(), &*trees, Vec::new()).unwrap();
    let mut archive = tar::Archive::new(&tar[..]);
    let told = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let (header, name) = (entry.header(), String::from_utf8(entry.path_bytes().into_owned()).unwrap());
        let (uid, gid) = (header.uid().unwrap(), header.gid().unwrap());
        format!("{:o} {uid}:{gid} {name}", header.mode().unwrap())
    });
    told.collect()
}

#[test]
fn folders_are_the_owner_s_and_those_around_are_root_s() {
    let wanted = [
        "755 0:0 /",
        "755 0:0 /a.b",
        "700 65532:7 /a.b/c",
        "755 0:0 /var",
        "755 0:0 /var/lib",
        "700 65532:7 /var/lib/snowbank",
    ];
    assert_eq!(listed(volumes(&["/var/lib/snowbank", "/a.b/c/"])), wanted);
}

#[test]
fn one_folder_may_be_in_another() {
    let wanted = ["755 0:0 /", "700 65532:7 /a", "755 0:0 /a/b", "700 65532:7 /a/b/a"];
    assert_eq!(listed(volumes(&["/a/b/a", "/a", "/a"])), wanted);
}

#[test]
fn the_layer_follows_from_folders_and_owner() {
    let key = |volumes: &Volumes| {
        LayerKey::of(spec(&volumes.layer(&Timestamp::of_store())), Compression::Zstd).unwrap()
    };
    assert_eq!(key(&volumes(&["/a", "/b"])), key(&volumes(&["/b", "/a/", "/b"])));
    assert_ne!(key(&volumes(&["/a"])), key(&volumes(&["/b"])));
    let others = Volumes::new(["/a"], Owner { uid: 1, gid: 7 }).unwrap();
    assert_ne!(key(&volumes(&["/a"])), key(&others));
}

#[test]
fn it_is_not_told_of_as_a_package() {
    let layer = volumes(&["/a"]).layer(&Timestamp::of_store());
    assert!(is_made(spec(&layer)));
    assert_eq!(paths_of(&layer.history), Some(Vec::new()));
}

#[test]
fn what_is_no_folder_is_refused() {
    for bad in ["", "a", "/", "//", "/a/../b", "/./a", "/a\0", &"/a".repeat(65)] {
        let error = Volumes::new([bad], OWNER).unwrap_err();
        assert!(matches!(error, VolumesError::Folder(_)), "{bad:?}: {error}");
    }
}

#[test]
fn owners_are_numbers() {
    let of = |user| Owner::of(user).map(|Owner { uid, gid }| (uid, gid));
    assert_eq!(of("65532:7"), Some((65532, 7)));
    assert_eq!(of("65532"), Some((65532, 0)));
    for other in ["", "snowbank", "1:users", "-1", "1:", ":1", "4294967296"] {
        assert_eq!(of(other), None, "{other}");
    }
}
