//! The store of this machine: where it lies, what its database knows, and how to add to it.

mod error;
mod new_database;
mod open;
mod place;
mod query;
mod realisation;
mod schema;
mod write;

use rusqlite::Connection;

pub use error::StoreError;
pub use new_database::{MAX_DATABASE, NewDatabaseError, SCHEMA_VERSION, new_database};
pub use place::Place;
pub use realisation::{Derivation, Realisation, RealisationId};
pub use write::{Claim, StoreWriter, WriteError, add_gc_root};

use schema::Schema;

/// A store whose database is open for reading, while others (a daemon, builds) may write to it.
///
/// What is answered is what the database says. Every question is answered from one state of the database, but two
/// questions may see two.
#[derive(Debug)]
pub struct LocalStore {
    place: Place,
    connection: Connection,
    schema: Schema,
}

impl LocalStore {
    /// Where the store lies.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Says whether the database is one that Nix 2.0 to 2.35 makes, so that writing to it by Nix's own rules is safe.
    /// Reading needs less.
    ///
    /// # Errors
    /// When something in it is unknown: it is a newer Nix's, or a fork's.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        match &self.schema.unknown {
            None => Ok(()),
            Some(what) => Err(StoreError::Unknown { database: self.place.database(), what: what.clone() }),
        }
    }
}
