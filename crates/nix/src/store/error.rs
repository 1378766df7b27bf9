//! Why a store cannot be read.

use std::{io, path::PathBuf};

use crate::{closure::ClosureError, store_path::StorePath};

/// Why a store cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No database where one should be.
    #[error("there is no Nix store with a database at {}", .0.display())]
    Absent(PathBuf),
    /// The file that tells the database's version cannot be read.
    #[error("cannot read {}", .file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The database has a version other than the one that Nix has had since 2.0.
    #[error("the Nix database {} has version {found:?}, and only version 10 is understood", .database.display())]
    Schema {
        /// The database.
        database: PathBuf,
        /// What stands in the file that tells the version.
        found: String,
    },
    /// Something in the database that no known Nix has put there.
    #[error("the Nix database {} has {what}, which Nix up to 2.35 does not have", .database.display())]
    Unknown {
        /// The database.
        database: PathBuf,
        /// What is there.
        what: String,
    },
    /// A table that cannot be read as Nix's, because the database is a newer Nix's or a fork's.
    #[error("the table {table} of the Nix database {} is not the one that Nix has", .database.display())]
    Table {
        /// The database.
        database: PathBuf,
        /// The table.
        table: &'static str,
    },
    /// The database cannot be opened or asked.
    #[error("cannot read the Nix database {}", .database.display())]
    Database {
        /// The database.
        database: PathBuf,
        /// Why.
        #[source]
        error: rusqlite::Error,
    },
    /// A row that holds something else than it should.
    #[error("the Nix database has a {what} that cannot be read: {value:?}")]
    Row {
        /// What it should be.
        what: &'static str,
        /// What it is.
        value: String,
    },
    /// A path that is not valid in this store.
    #[error("{0} is not in the store")]
    Invalid(StorePath),
    /// References that make no closure, which no Nix allows.
    #[error("the references in the Nix database make no closure")]
    Closure(#[from] ClosureError),
}
