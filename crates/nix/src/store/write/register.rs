//! Making paths valid: one transaction, after which all of them are, or none.

use std::{fs::File, io::Read, time::Duration};

use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, config::DbConfig, params,
};
use rustix::fs::{Mode, OFlags};

use super::{Claim, StoreWriter, WriteError, error::file};
use crate::{derivation, path_info::PathInfo, store::Place, store_path::StorePath};

/// How long to wait for others who write; Nix's own.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Pages of the log after which it is written back; Nix's own.
const CHECKPOINT: u32 = 40_000;

const FIND: &str = "select id from ValidPaths where path = ?1";
const INSERT: &str =
    "insert into ValidPaths (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca)
    values (?1, ?2, ?3, ?4, ?5, null, ?6, ?7)";
const REFER: &str = "insert or replace into Refs (referrer, reference) values (?1, ?2)";
const OUTPUT: &str = "insert or replace into DerivationOutputs (drv, id, path) values (?1, ?2, ?3)";

/// Opens the database as Nix does, but leaves the log to the next who closes it: removing it would take from readers
/// without the right to write what they need.
pub(super) fn connect(place: &Place) -> Result<Connection, WriteError> {
    let connection = Connection::open_with_flags(place.database(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    Ok(connection)
}

impl StoreWriter {
    /// Makes claimed paths valid, whose files are complete: all of them or none. Their claims may be dropped then. The
    /// contents are taken to have the hashes of the infos. `now` is the second of the Unix era that they are
    /// registered at.
    ///
    /// # Errors
    /// When a reference is neither valid nor among them, a path belies its content address, a derivation cannot be
    /// read, or the database cannot be written. (That a derivation's outputs follow from the rest of it is not
    /// checked.)
    pub fn register(&mut self, filled: &[(Claim, PathInfo)], now: i64) -> Result<(), WriteError> {
        let place = self.store.place().clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (claim, info) in filled {
            insert(&transaction, &place, claim, info, now)?;
        }
        for (_, info) in filled {
            refer(&transaction, &place, info)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn insert(
    transaction: &Transaction<'_>,
    place: &Place,
    claim: &Claim,
    info: &PathInfo,
    now: i64,
) -> Result<(), WriteError> {
    let dir = place.dir();
    let path = &claim.path;
    std::fs::symlink_metadata(&claim.file).map_err(file("find", &claim.file))?;
    if info.path != *path {
        return Err(WriteError::Claim(info.path.clone()));
    }
    if info.ca.is_some() && !info.is_content_addressed(dir) {
        return Err(WriteError::ContentAddress(path.clone()));
    }
    let signatures: Vec<_> = info.signatures.iter().map(ToString::to_string).collect();
    let size = i64::try_from(info.nar_size).ok().filter(|&size| size > 0);
    transaction.prepare_cached(INSERT)?.execute(params![
        dir.display(path),
        info.nar_hash.base16(),
        now,
        info.deriver.as_ref().map(|deriver| dir.display(deriver)),
        size,
        Some(signatures.join(" ")).filter(|signatures| !signatures.is_empty()),
        info.ca.as_ref().map(ToString::to_string),
    ])?;
    if !path.is_derivation() {
        return Ok(());
    }
    let row = transaction.last_insert_rowid();
    let outputs = derivation::outputs(&read(claim)?, dir);
    for (name, output) in outputs.map_err(|error| WriteError::Derivation { path: path.clone(), error })? {
        transaction.prepare_cached(OUTPUT)?.execute(params![row, name, dir.display(&output)])?;
    }
    Ok(())
}

fn refer(transaction: &Transaction<'_>, place: &Place, info: &PathInfo) -> Result<(), WriteError> {
    let find = |path: &StorePath| -> rusqlite::Result<Option<i64>> {
        transaction.prepare_cached(FIND)?.query_row([place.dir().display(path)], |row| row.get(0)).optional()
    };
    let missing =
        |reference: &StorePath| WriteError::Missing { path: info.path.clone(), reference: reference.clone() };
    let referrer = find(&info.path)?.ok_or_else(|| missing(&info.path))?;
    for reference in &info.references {
        let id = find(reference)?.ok_or_else(|| missing(reference))?;
        transaction.prepare_cached(REFER)?.execute([referrer, id])?;
    }
    Ok(())
}

/// The derivation's text, as far as it may go. A link could lead anywhere.
fn read(claim: &Claim) -> Result<Vec<u8>, WriteError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(&claim.file, flags, Mode::empty()).map_err(file("open", &claim.file))?;
    let mut text = Vec::new();
    let read = File::from(opened).take(derivation::MAX_TEXT as u64 + 1).read_to_end(&mut text);
    read.map_err(file("read", &claim.file))?;
    Ok(text)
}
