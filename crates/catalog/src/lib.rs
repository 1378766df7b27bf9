//! The server's facts in SQL: who saved what under which key, where its bytes lie, and what is to be done.
//!
//! Each room is one trait in [`rooms`], implemented for SQLite and PostgreSQL side by side in plain SQL and
//! held to one contract suite. The database's clock decides what has expired; no caller passes a time. No
//! method holds content, only the names of objects that do.

#[cfg(feature = "testing")]
pub mod contract;
pub mod error;
pub mod ids;
mod open;
mod postgres;
pub mod rooms;
mod sql;
mod sqlite;
mod statements;

pub use error::{CatalogError, Result};
pub use open::open;
pub use postgres::{PostgresCatalog, PostgresDriver};
pub use rooms::Catalog;
pub use sql::Database;
pub use sqlite::{SqliteCatalog, SqliteDriver};
