//! Opening the database for reading.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{LocalStore, Place, StoreError, schema::Schema};

/// The version that Nix has had since 2.0.
pub(super) const VERSION: &str = "10";

/// How long to wait for whoever keeps the whole database to itself (a schema upgrade, a vacuum); readers wait for
/// nobody else.
const PATIENCE: Duration = Duration::from_secs(60);

impl LocalStore {
    /// Opens the database of the store at `place`, its write-ahead log included, while a daemon may hold it open.
    /// Nothing is written but what SQLite needs to share the log.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or it is of an unknown version.
    pub fn open(place: Place) -> Result<Self, StoreError> {
        check_version(&place)?;
        let database = place.database();
        let failed = |error| StoreError::Database { database: database.clone(), error };
        let (connection, schema) = match shared(&database) {
            // Without the right to write, the log can be shared only where somebody has made the files for that. Where
            // nobody has, nobody has the database open, and all is in the one file if there is no log.
            Err(error) if is_refused(&error) && !has_log(&database) => alone(&database).map_err(failed)?,
            opened => opened.map_err(failed)?,
        };
        let schema = schema.map_err(|table| StoreError::Table { database: database.clone(), table })?;
        Ok(Self { place, connection, schema })
    }
}

/// The connection, and the schema or the table that is wrong.
type Opened = (Connection, Result<Schema, &'static str>);

fn shared(database: &Path) -> rusqlite::Result<Opened> {
    look(Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}

fn alone(database: &Path) -> rusqlite::Result<Opened> {
    let path = database.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(database.to_owned()))?;
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    look(Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)?)
}

fn look(connection: Connection) -> rusqlite::Result<Opened> {
    connection.busy_timeout(PATIENCE)?;
    // Nothing in a database's own schema is run.
    connection.pragma_update(None, "trusted_schema", false)?;
    let schema = Schema::of(&connection)?;
    Ok((connection, schema))
}

fn is_refused(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn has_log(database: &Path) -> bool {
    let log = database.with_extension("sqlite-wal");
    !matches!(log.metadata(), Ok(found) if found.len() == 0) && log.exists()
}

fn check_version(place: &Place) -> Result<(), StoreError> {
    let database = place.database();
    let file = database.with_file_name("schema");
    let mut found = String::new();
    match File::open(&file).and_then(|opened| opened.take(100).read_to_string(&mut found)) {
        Ok(_) if found.trim_ascii() == VERSION => Ok(()),
        Ok(_) => Err(StoreError::Schema { database, found }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Absent(place.store())),
        Err(error) => Err(StoreError::Version { file, error }),
    }
}
