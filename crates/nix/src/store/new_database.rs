//! The database of a store that holds a closure and nothing else, as bytes.
//!
//! Tables, indices and trigger are those of Nix's `schema.sql`, 2.0 to 2.34; a newer Nix changes what it has changed since
//! when it opens one, as it does with any store of before.

use std::collections::BTreeMap;

use rusqlite::{Connection, Error, ErrorCode, Transaction, params};

use crate::{
    closure::Closure,
    path_info::PathInfo,
    store_path::{StoreDir, StorePath},
};

/// Bytes of a database at most, which is some 50 000 paths. [`new_database`] holds it three times: as SQLite's pages, as SQLite
/// writes them out, and as what it returns.
pub const MAX_DATABASE: u32 = 32 << 20;

/// The content of the file `schema` beside the database, without which Nix takes the store for a new one.
pub const SCHEMA_VERSION: &str = super::open::VERSION;

const PAGE: u32 = 4096;

const SCHEMA: &str = "
create table ValidPaths (id integer primary key autoincrement not null, path text unique not null,
    hash text not null, registrationTime integer not null, deriver text, narSize integer, ultimate integer,
    sigs text, ca text);
create table Refs (referrer integer not null, reference integer not null, primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict);
create index IndexReferrer on Refs(referrer);
create index IndexReference on Refs(reference);
create trigger DeleteSelfRefs before delete on ValidPaths
    begin delete from Refs where referrer = old.id and reference = old.id; end;
create table DerivationOutputs (drv integer not null, id text not null, path text not null,
    primary key (drv, id), foreign key (drv) references ValidPaths(id) on delete cascade);
create index IndexDerivationOutputs on DerivationOutputs(path);
";

const INSERT: &str =
    "insert into ValidPaths (id, path, hash, registrationTime, narSize, ca) values (?1, ?2, ?3, 1, ?4, ?5)";
const REFER: &str = "insert into Refs (referrer, reference) values (?1, ?2)";
const OUTPUT: &str = "insert into DerivationOutputs (drv, id, path) values (?1, ?2, ?3)";

/// Why a database cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NewDatabaseError {
    /// More than [`MAX_DATABASE`] bytes.
    #[error("the Nix database of {0} store paths would have more than {MAX_DATABASE} bytes")]
    TooLarge(usize),
    /// SQLite failed.
    #[error("the Nix database cannot be made")]
    Sqlite(#[source] Error),
}

/// The database in which all paths of a closure are valid since the first second of 1970, and no others. `outputs` has
/// those of the derivations in the closure, see [`derivation::outputs`](crate::derivation::outputs).
///
/// It says of a path what is the same wherever the path is: hash, size, references and content address. Signatures and
/// derivers are left out, because machines differ in what they know of those. So equal closures make equal bytes with one
/// release of SQLite, which alone decides how rows are laid into pages; its number is not in them.
///
/// # Errors
/// When it would be too large.
pub fn new_database(
    closure: &Closure,
    outputs: &BTreeMap<StorePath, BTreeMap<String, StorePath>>,
    dir: &StoreDir,
) -> Result<Vec<u8>, NewDatabaseError> {
    let mut bytes = fill(closure, outputs, dir).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => NewDatabaseError::TooLarge(closure.len()),
        _ => NewDatabaseError::Sqlite(error),
    })?;
    settle(&mut bytes);
    Ok(bytes)
}

fn fill(
    closure: &Closure,
    outputs: &BTreeMap<StorePath, BTreeMap<String, StorePath>>,
    dir: &StoreDir,
) -> rusqlite::Result<Vec<u8>> {
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "page_size", PAGE)?;
    connection.pragma_update(None, "max_page_count", MAX_DATABASE / PAGE)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    let mut ids = BTreeMap::new();
    for (id, info) in (1..).zip(closure.references_first()) {
        ids.insert(&info.path, id);
        register(&transaction, dir, info, &ids)?;
        for (name, output) in outputs.get(&info.path).into_iter().flatten() {
            transaction.prepare_cached(OUTPUT)?.execute(params![id, name, dir.display(output)])?;
        }
    }
    transaction.commit()?;
    Ok(connection.serialize("main")?.to_vec())
}

/// A path, of which all references but itself have their numbers.
fn register(
    transaction: &Transaction<'_>,
    dir: &StoreDir,
    info: &PathInfo,
    ids: &BTreeMap<&StorePath, i64>,
) -> rusqlite::Result<()> {
    let id = ids.get(&info.path);
    transaction.prepare_cached(INSERT)?.execute(params![
        id,
        dir.display(&info.path),
        info.nar_hash.base16(),
        i64::try_from(info.nar_size).ok().filter(|size| *size > 0),
        info.ca.as_ref().map(ToString::to_string),
    ])?;
    let mut references: Vec<_> = info.references.iter().filter_map(|path| ids.get(path)).collect();
    references.sort_unstable();
    for reference in references {
        transaction.prepare_cached(REFER)?.execute(params![id, reference])?;
    }
    Ok(())
}

/// Sets what tells of its writer rather than of its content (section 1.3 of SQLite's file format): how often it was changed,
/// when its size was last true, and which release wrote it, here the first that wrote all of the header.
fn settle(bytes: &mut [u8]) {
    const CHANGES: u32 = 1;
    const RELEASE: u32 = 3_007_000;
    for (at, value) in [(24, CHANGES), (92, CHANGES), (96, RELEASE)] {
        if let Some(field) = bytes.get_mut(at..at + 4) {
            field.copy_from_slice(&value.to_be_bytes());
        }
    }
}
