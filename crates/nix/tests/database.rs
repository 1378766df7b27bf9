//! Databases that no installed Nix makes: of other versions, of forks, damaged, with realisations of both forms.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::{collections::BTreeSet, fs};

use rusqlite::Connection;
use snowbank_nix::{
    hash::Digest,
    store::{Derivation, LocalStore, Place, Realisation, RealisationId, StoreError},
    store_path::StorePath,
};
use tempfile::TempDir;

const SCHEMA: &str = "
    create table ValidPaths (id integer primary key autoincrement not null, path text unique not null,
        hash text not null, registrationTime integer not null, deriver text, narSize integer, ultimate integer,
        sigs text, ca text);
    create table Refs (referrer integer not null, reference integer not null, primary key (referrer, reference));
    create table DerivationOutputs (drv integer not null, id text not null, path text not null, primary key (drv, id));
    insert into ValidPaths values (1, '/nix/store/00000000000000000000000000000000-a',
        'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 1, null, 112, null, null, null);
";

const OLD: &str = "
    create table Realisations (id integer primary key, drvPath text, outputName text, outputPath integer, signatures text);
    create table RealisationsRefs (referrer integer not null, realisationReference integer);
    insert into Realisations values
        (1, 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'out', 1, null),
        (2, 'sha256:0000000000000000000000000000000000000000000000000000000000000000', 'dev', 1, 'x');
    insert into RealisationsRefs values (2, 1);
";

const NEW: &str = "
    create table SchemaMigrations (migration text primary key not null);
    insert into SchemaMigrations values ('20251017-ca-derivations'), ('20260309-drop-redundant-indexreferrer');
    create table BuildTraceV3 (id integer primary key, drvPath text, outputName text, outputPath text, signatures text);
    insert into BuildTraceV3 values
        (1, '11111111111111111111111111111111-a.drv', 'out', '/nix/store/00000000000000000000000000000000-a', '');
";

fn path() -> StorePath {
    "00000000000000000000000000000000-a".parse().unwrap()
}

/// A store with a database of these statements.
fn store(version: &str, statements: &str) -> (TempDir, Result<LocalStore, StoreError>) {
    let root = tempfile::tempdir().unwrap();
    let place = Place::below(root.path());
    let database = place.database();
    fs::create_dir_all(database.parent().unwrap()).unwrap();
    fs::write(database.with_file_name("schema"), version).unwrap();
    let connection = Connection::open(&database).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.execute_batch(statements).unwrap();
    (root, LocalStore::open(place))
}

fn opened(statements: &str) -> (TempDir, LocalStore) {
    let (root, store) = store("10", statements);
    (root, store.unwrap())
}

fn changed(statement: &str) -> (TempDir, LocalStore) {
    opened(&format!("{SCHEMA}{statement};"))
}

#[test]
fn other_versions_are_refused() {
    for version in ["9", "11", "", "ten", "10.1"] {
        let (_root, store) = store(version, SCHEMA);
        assert!(matches!(store, Err(StoreError::Schema { found, .. }) if found == version));
    }
    assert!(store("10\n", SCHEMA).1.is_ok());
    let empty = tempfile::tempdir().unwrap();
    let absent = LocalStore::open(Place::below(empty.path()));
    assert!(matches!(absent, Err(StoreError::Absent(path)) if path == empty.path().join("nix/store")));
}

#[test]
fn tables_of_a_fork_are_refused() {
    for (statement, wrong) in [
        ("alter table ValidPaths add column provenance text", "ValidPaths"),
        ("alter table ValidPaths rename column sigs to signatures", "ValidPaths"),
        ("alter table Refs add column kind integer", "Refs"),
        ("drop table DerivationOutputs", "DerivationOutputs"),
    ] {
        let (_root, store) = store("10", &format!("{SCHEMA}{statement}"));
        assert!(
            matches!(&store, Err(StoreError::Table { table, .. }) if *table == wrong),
            "{statement}: {store:?}"
        );
    }
}

#[test]
fn what_no_known_nix_made_is_read_and_never_written_to() {
    for (statement, what) in [
        ("create table Provenance (id integer)", "Provenance"),
        ("create table BuildTraceV4 (id integer)", "BuildTraceV4"),
        ("create table Realisations (id integer)", "Realisations"),
        (
            "create table SchemaMigrations (migration text); insert into SchemaMigrations values ('2027')",
            "2027",
        ),
    ] {
        let (_root, store) = changed(statement);
        assert!(store.path_info(&path()).unwrap().is_some());
        let error = store.check_writable().unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    for known in ["", OLD, NEW] {
        opened(&format!("{SCHEMA}{known}")).1.check_writable().unwrap();
    }
}

#[test]
fn rows_that_cannot_be_read_are_named() {
    for (statement, wanted) in [
        ("update ValidPaths set hash = 'sha256:x'", "hash"),
        ("update ValidPaths set hash = 'md5:d41d8cd98f00b204e9800998ecf8427e'", "hash"),
        ("update ValidPaths set deriver = 'unknown-deriver'", "store path"),
        ("update ValidPaths set ca = 'x'", "content address"),
        (
            "insert into ValidPaths values (2, '/elsewhere', '', 1, null, 1, null, null, null);
             insert into Refs values (1, 2)",
            "store path",
        ),
    ] {
        let (_root, store) = changed(statement);
        let error = store.path_info(&path()).unwrap_err();
        assert!(matches!(&error, StoreError::Row { what, .. } if *what == wanted), "{statement}: {error:?}");
    }
    let (_root, store) = changed("update ValidPaths set narSize = -1");
    assert!(matches!(store.path_info(&path()), Err(StoreError::Database { .. })));
}

#[test]
fn columns_that_nobody_filled_are_nothing() {
    let (_root, store) =
        changed("update ValidPaths set narSize = null, deriver = '', ca = '', sigs = 'x y:z'");
    let info = store.path_info(&path()).unwrap().unwrap();
    assert_eq!((info.nar_size, info.deriver, info.ca), (0, None, None));
    assert!(info.signatures.is_empty());
}

#[test]
fn references_that_lead_in_a_circle_are_no_closure() {
    let (_root, store) = changed(
        "insert into ValidPaths select 2, '/nix/store/11111111111111111111111111111111-b', hash, 1, null, 1, null, null,
            null from ValidPaths;
         insert into Refs values (1, 2), (2, 1), (1, 1)",
    );
    assert!(matches!(store.closure([&path()]), Err(StoreError::Closure(_))));
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let (root, store) = store("10", SCHEMA);
    let database = store.unwrap().place().database();
    fs::write(&database, "no database".repeat(1000)).unwrap();
    let _ = fs::remove_file(database.with_extension("sqlite-wal"));
    let again = LocalStore::open(Place::below(root.path()));
    assert!(matches!(again, Err(StoreError::Database { .. })), "{again:?}");
}

#[test]
fn realisations_of_both_forms_are_read() {
    let modulo = |hex: &str, output: &str| RealisationId {
        derivation: Derivation::Modulo(Digest::parse(&format!("sha256:{hex}")).unwrap()),
        output: output.to_owned(),
    };
    let realisation = |id: &RealisationId| Realisation {
        id: id.clone(),
        path: path(),
        signatures: BTreeSet::new(),
        needs: BTreeSet::new(),
    };
    let first = modulo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "out");
    let second = modulo(&"0".repeat(64), "dev");
    let derivation = Derivation::Path("11111111111111111111111111111111-a.drv".parse().unwrap());
    let third = RealisationId { derivation, output: "out".to_owned() };

    let (_root, store) = opened(&format!("{SCHEMA}{OLD}{NEW}"));
    let needs = Realisation { needs: [first.clone()].into(), ..realisation(&second) };
    assert_eq!(store.realisations().unwrap(), [realisation(&first), needs, realisation(&third)]);
    assert_eq!(opened(SCHEMA).1.realisations().unwrap(), []);
}
