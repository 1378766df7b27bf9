//! What the database knows of paths.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::{LocalStore, StoreError};
use crate::{
    closure::Closure, hash::NarHash, path_info::PathInfo, signature::Signature, store_path::StorePath,
};

const INFO: &str = "select id, hash, deriver, narSize, sigs, ca from ValidPaths where path = ?1";
const VALID: &str = "select 1 from ValidPaths where path = ?1";
const REFERENCES: &str = "select path from Refs join ValidPaths on reference = id where referrer = ?1";
const ALL: &str = "select path from ValidPaths";
const IN_ORDER: &str = "select path from ValidPaths order by id";
const SINCE: &str = "select path from ValidPaths where registrationTime >= ?1";
const NEWEST: &str = "select coalesce(max(id), 0) from ValidPaths";
const AFTER: &str = "select id, path from ValidPaths where id > ?1 order by id";
const BUILT: &str = "select count(*), coalesce(sum(narSize), 0) from ValidPaths where registrationTime >= ?1 and ultimate = 1";
const OUTPUTS: &str =
    "select o.id, o.path from DerivationOutputs o join ValidPaths v on o.drv = v.id where v.path = ?1";
const DERIVERS: &str =
    "select v.path from DerivationOutputs o join ValidPaths v on o.drv = v.id where o.path = ?1";

impl LocalStore {
    /// What is known of `path`, if it is valid.
    ///
    /// # Errors
    /// When the database cannot be read, or what it says cannot.
    pub fn path_info(&self, path: &StorePath) -> Result<Option<PathInfo>, StoreError> {
        self.snapshot(|| self.info(path))
    }

    /// Whether `path` is valid.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_valid(&self, path: &StorePath) -> Result<bool, StoreError> {
        Ok(!self.rows(VALID, [self.place.dir().display(path)], |_| Ok(()))?.is_empty())
    }

    /// All that `roots` need, themselves included.
    ///
    /// # Errors
    /// When one of them is not valid, or the database cannot be read.
    pub fn closure<'a>(&self, roots: impl IntoIterator<Item = &'a StorePath>) -> Result<Closure, StoreError> {
        self.snapshot(|| {
            let mut waiting: BTreeSet<StorePath> = roots.into_iter().cloned().collect();
            let mut infos = BTreeMap::new();
            while let Some(path) = waiting.pop_first() {
                let info = self.info(&path)?.ok_or_else(|| StoreError::Invalid(path.clone()))?;
                infos.insert(path, info.clone());
                waiting
                    .extend(info.references.into_iter().filter(|reference| !infos.contains_key(reference)));
            }
            Ok(Closure::new(infos.into_values())?)
        })
    }

    /// All valid paths.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn valid_paths(&self) -> Result<BTreeSet<StorePath>, StoreError> {
        self.paths(ALL, [])
    }

    /// All valid paths in the order in which they were registered.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn in_order(&self) -> Result<Vec<StorePath>, StoreError> {
        let texts = self.rows(IN_ORDER, [], |row| row.get::<_, String>(0))?;
        texts.iter().map(|text| self.path(text)).collect()
    }

    /// All valid paths that were registered at this second of the Unix era or later.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn registered_since(&self, second: i64) -> Result<BTreeSet<StorePath>, StoreError> {
        self.paths(SINCE, [second])
    }

    /// The number of the path that was registered last, for [`Self::registered_after`]; 0 when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn newest(&self) -> Result<i64, StoreError> {
        let numbers = self.rows(NEWEST, [], |row| row.get::<_, i64>(0))?;
        Ok(numbers.first().copied().unwrap_or_default())
    }

    /// The valid paths that were registered after the path of this number, in that order, each with its own: Nix gives
    /// none twice, not even for a path that was deleted and made again.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn registered_after(&self, number: i64) -> Result<Vec<(i64, StorePath)>, StoreError> {
        let rows = self.rows(AFTER, [number], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        rows.into_iter().map(|(number, path)| Ok((number, self.path(&path)?))).collect()
    }

    /// How many paths were built here at this second of the Unix era or later, and the bytes of their NARs; what came from
    /// elsewhere does not count.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn built_since(&self, second: i64) -> Result<(u64, u64), StoreError> {
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let sums = self.rows(BUILT, [second], read)?;
        let (count, bytes) = sums.first().copied().unwrap_or_default();
        Ok((count.unsigned_abs(), bytes.unsigned_abs()))
    }

    /// The outputs of a valid derivation by name, whether they are valid or not; those of a content-addressed
    /// derivation are there once it was built.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn derivation_outputs(
        &self,
        derivation: &StorePath,
    ) -> Result<BTreeMap<String, StorePath>, StoreError> {
        let rows = self.rows(OUTPUTS, [self.place.dir().display(derivation)], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?))
        })?;
        rows.into_iter().map(|(name, path)| Ok((name, self.path(&path)?))).collect()
    }

    /// The valid derivations that have `path` for an output.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn derivers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        self.paths(DERIVERS, [self.place.dir().display(path)])
    }

    fn info(&self, path: &StorePath) -> Result<Option<PathInfo>, StoreError> {
        let full = self.place.dir().display(path);
        let found = self
            .connection
            .prepare_cached(INFO)
            .and_then(|mut statement| statement.query_row([full], Columns::read).optional());
        let Some(columns) = found.map_err(|error| self.failed(error))? else { return Ok(None) };
        let references = self.paths(REFERENCES, [columns.id])?;
        Ok(Some(PathInfo {
            path: path.clone(),
            nar_hash: parsed("hash", &columns.hash, |text| NarHash::parse(text).ok())?,
            nar_size: columns.nar_size,
            references,
            deriver: columns.deriver.map(|deriver| self.path(&deriver)).transpose()?,
            signatures: Signature::from_words(&columns.signatures).collect(),
            ca: columns.ca.map(|ca| parsed("content address", &ca, |text| text.parse().ok())).transpose()?,
        }))
    }

    /// All answers to `question` from one state of the database.
    fn snapshot<T>(&self, question: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let transaction =
            Connection::unchecked_transaction(&self.connection).map_err(|error| self.failed(error))?;
        let answer = question();
        drop(transaction);
        answer
    }

    fn paths(&self, sql: &str, parameters: impl Params) -> Result<BTreeSet<StorePath>, StoreError> {
        let texts = self.rows(sql, parameters, |row| row.get::<_, String>(0))?;
        texts.iter().map(|text| self.path(text)).collect()
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = || -> rusqlite::Result<_> {
            self.connection.prepare_cached(sql)?.query_map(parameters, read)?.collect()
        };
        rows().map_err(|error| self.failed(error))
    }

    /// Reads a full path.
    pub(super) fn path(&self, text: &str) -> Result<StorePath, StoreError> {
        parsed("store path", text, |text| self.place.dir().parse(text).ok())
    }

    fn failed(&self, error: rusqlite::Error) -> StoreError {
        StoreError::Database { database: self.place.database(), error }
    }
}

/// Reads `text`, which should be a `what`.
pub(super) fn parsed<T>(
    what: &'static str,
    text: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, StoreError> {
    read(text).ok_or_else(|| StoreError::Row { what, value: text.chars().take(300).collect() })
}

/// A row of [`INFO`].
struct Columns {
    id: i64,
    hash: String,
    deriver: Option<String>,
    nar_size: u64,
    signatures: String,
    ca: Option<String>,
}

impl Columns {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let size = row.get::<_, Option<i64>>(3)?.unwrap_or(0);
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Self {
            id: row.get(0)?,
            hash: row.get(1)?,
            deriver: filled(row.get(2)?),
            nar_size: u64::try_from(size).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(3, size))?,
            signatures: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
            ca: filled(row.get(5)?),
        })
    }
}
