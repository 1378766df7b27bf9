//! Databases that are made for a closure, read again by SQLite and by our own reader. (Nix reads them in `peer`.)

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;
use rusqlite::{Connection, types::FromSql};
use snowbank_nix::{
    closure::Closure,
    hash::NarHash,
    path_info::PathInfo,
    signature::SecretKey,
    store::{LocalStore, MAX_DATABASE, NewDatabaseError, Place, SCHEMA_VERSION, new_database},
    store_path::{StoreDir, StorePath},
};
use tempfile::TempDir;

type Outputs = BTreeMap<StorePath, BTreeMap<String, StorePath>>;

fn path(number: usize) -> StorePath {
    format!("{number:032}-name").parse().unwrap()
}

fn info(number: usize, references: &[usize]) -> PathInfo {
    PathInfo {
        path: path(number),
        nar_hash: NarHash::of(&number.to_le_bytes()),
        nar_size: number as u64,
        references: references.iter().map(|&to| path(to)).collect(),
        deriver: None,
        signatures: Default::default(),
        ca: None,
    }
}

fn made(infos: impl IntoIterator<Item = PathInfo>) -> Vec<u8> {
    new_database(&Closure::new(infos).unwrap(), &Outputs::new(), &StoreDir::default()).unwrap()
}

/// A store of this database and no files.
fn placed(database: &[u8]) -> (TempDir, LocalStore) {
    let root = tempfile::tempdir().unwrap();
    let place = Place::below(root.path());
    let file = place.database();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, database).unwrap();
    fs::write(file.with_file_name("schema"), SCHEMA_VERSION).unwrap();
    let store = LocalStore::open(place).unwrap();
    (root, store)
}

fn ask<T: FromSql>(database: &Path, question: &str) -> Vec<T> {
    let connection = Connection::open(database).unwrap();
    let mut statement = connection.prepare(question).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_machines_know_differently_is_left_out() {
    let plain = info(1, &[1]);
    let mut known = PathInfo { deriver: Some(path(7)), ..plain.clone() };
    known.sign(&StoreDir::default(), &SecretKey::generate("host-1").unwrap());
    assert_eq!(made([plain]), made([known]));
}

#[test]
fn a_content_address_stays() {
    let ca = "fixed:r:sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib".parse().unwrap();
    let addressed = PathInfo { ca: Some(ca), ..info(1, &[]) };
    let (_root, store) = placed(&made([addressed.clone()]));
    assert_eq!(store.path_info(&path(1)).unwrap(), Some(addressed));
}

#[test]
fn a_derivation_keeps_its_outputs() {
    let derivation: StorePath = format!("{:032}-a.drv", 3).parse().unwrap();
    let infos = [PathInfo { path: derivation.clone(), ..info(3, &[]) }];
    let told: BTreeMap<_, _> = [("out".to_owned(), path(1)), ("dev".to_owned(), path(2))].into();
    let outputs = Outputs::from([(derivation.clone(), told.clone())]);
    let closure = Closure::new(infos).unwrap();
    let (_root, store) = placed(&new_database(&closure, &outputs, &StoreDir::default()).unwrap());
    assert_eq!(store.derivation_outputs(&derivation).unwrap(), told);
}

#[test]
fn its_size_is_bounded() {
    let long = |number: usize| PathInfo {
        path: format!("{number:032}-{}", "a".repeat(200)).parse().unwrap(),
        ..info(number, &[])
    };
    let closure = Closure::new((0..MAX_DATABASE as usize / 400).map(long)).unwrap();
    let error = new_database(&closure, &Outputs::new(), &StoreDir::default()).unwrap_err();
    assert!(matches!(error, NewDatabaseError::TooLarge(count) if count == closure.len()), "{error:?}");
}

#[test]
fn nothing_tells_of_its_writer() {
    let bytes = made((0..3000).map(|number| info(number, &[0])));
    let field = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(&bytes[..16], b"SQLite format 3\0");
    // The page's size, a log of the old kind, no free pages, the changes, and what they were true for.
    assert_eq!((field(16) >> 16, bytes[18], bytes[19], field(36)), (4096, 1, 1, 0));
    assert_eq!((field(24), field(92), field(96)), (1, 1, 3_007_000));
    assert_eq!(field(28) as usize * 4096, bytes.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_same_closure_makes_the_same_sound_database(
        edges in prop::collection::vec((1usize..60, 1usize..60), 0..200),
        shuffled in Just((1usize..60).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut references = vec![Vec::new(); 60];
        for (from, to) in edges {
            references[from.max(to)].push(from.min(to));
        }
        let infos: Vec<_> = (1..60).map(|at| info(at, &references[at])).collect();
        let bytes = made(infos.clone());
        prop_assert_eq!(&bytes, &made(shuffled.iter().map(|&at| infos[at - 1].clone())));

        let (root, store) = placed(&bytes);
        store.check_writable().unwrap();
        let paths: Vec<_> = infos.iter().map(|info| info.path.clone()).collect();
        let closure = store.closure(&paths).unwrap();
        prop_assert!(closure.iter().eq(infos.iter()));
        let file = Place::below(root.path()).database();
        prop_assert_eq!(ask::<String>(&file, "pragma integrity_check"), ["ok"]);
        prop_assert_eq!(ask::<String>(&file, "pragma foreign_key_check"), Vec::<String>::new());
        prop_assert_eq!(ask::<i64>(&file, "select distinct registrationTime from ValidPaths"), [1]);
        let forward = "select count(*) from Refs where reference > referrer";
        prop_assert_eq!(ask::<i64>(&file, forward), [0]);
    }
}
