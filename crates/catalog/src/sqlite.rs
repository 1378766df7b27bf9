//! SQLite: one file beside the server, or memory in tests.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Error, Executor, Row, Sqlite, Transaction};

use crate::sql::{Cells, Database, Driver, Sql, Value};
use crate::{CatalogError, Result};

/// How long one process waits for another's transaction.
const BUSY: Duration = Duration::from_secs(30);

/// How long to wait before a file that others are making is opened again.
const AGAIN: Duration = Duration::from_millis(20);

/// How long a method waits for its turn to write.
const QUEUE: Duration = Duration::from_secs(60);

/// Rows that may wait for who asked, some hundred bytes each: with few, a list's every row is a change of threads.
const ROWS: usize = 1024;

/// Connections for reading.
const READERS: u32 = 4;

/// A catalog in an SQLite file. Any number of processes on one machine may open it.
pub type SqliteCatalog = Database<SqliteDriver>;

/// The connections to an SQLite file.
#[derive(Debug)]
pub struct SqliteDriver {
    /// A single connection: SQLite has one writer at a time, and a queue here is fair where its lock is not.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteCatalog {
    /// Opens the catalog in this file, made if it is not there.
    ///
    /// # Errors
    /// When the file cannot be opened or was made by a newer version of this program.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            // 8 MiB a connection; the default of 2 MiB is small for an index of chunks.
            .pragma("cache_size", "-8192")
            .row_buffer_size(ROWS)
            .pragma("journal_size_limit", "67108864");
        let failed = |source| CatalogError::Open { place: path.display().to_string(), source };
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(QUEUE)
            // A file does not hang up.
            .test_before_acquire(false);
        let patience = Instant::now() + BUSY;
        let writer = loop {
            match pool.clone().connect_with(options.clone()).await {
                Ok(writer) => break writer,
                // SQLite does not wait for others where a new file is given its log.
                Err(error) if locked(&error) && Instant::now() < patience => tokio::time::sleep(AGAIN).await,
                Err(error) => return Err(failed(error)),
            }
        };
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(QUEUE)
            .test_before_acquire(false)
            .connect_lazy_with(options.create_if_missing(false).pragma("query_only", "on"));
        Self::new(SqliteDriver { writer, readers }).await
    }

    /// A new catalog in memory, gone with this handle.
    ///
    /// # Errors
    /// When SQLite fails.
    pub async fn in_memory() -> Result<Self> {
        let options =
            SqliteConnectOptions::new().in_memory(true).foreign_keys(true).pragma("cache_size", "-8192");
        // The database lives as long as its one connection.
        let only = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(QUEUE)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(|source| CatalogError::Open { place: "memory".to_owned(), source })?;
        Self::new(SqliteDriver { writer: only.clone(), readers: only }).await
    }
}

fn locked(error: &Error) -> bool {
    // SQLITE_BUSY, whatever it was busy with: the lowest byte is the kind.
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

impl Driver for SqliteDriver {
    type Database = Sqlite;

    const CLOCK: &'static str = "SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER)";

    fn text(sql: &Sql) -> &'static str {
        sql.sqlite
    }

    fn passing(_: &Error) -> bool {
        // A writer has the lock from its beginning on, so nothing makes it give way.
        false
    }

    async fn reader(&self) -> std::result::Result<PoolConnection<Sqlite>, Error> {
        self.readers.acquire().await
    }

    async fn writer(&self) -> std::result::Result<Transaction<'static, Sqlite>, Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    async fn close(&self) {
        // Readers first: the last connection to a file folds the log, and a reader may not.
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn rows(
        connection: &mut SqliteConnection,
        text: &'static str,
        args: &[Value<'_>],
    ) -> std::result::Result<Vec<SqliteRow>, Error> {
        bind(text, args).fetch_all(connection).await
    }

    async fn run(
        connection: &mut SqliteConnection,
        text: &'static str,
        args: &[Value<'_>],
    ) -> std::result::Result<u64, Error> {
        Ok(bind(text, args).execute(connection).await?.rows_affected())
    }

    async fn script(connection: &mut SqliteConnection, text: String) -> std::result::Result<(), Error> {
        connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.map(drop)
    }
}

type Query = sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments>;

fn bind(text: &'static str, args: &[Value<'_>]) -> Query {
    args.iter().fold(sqlx::query(text), |query, value| match value {
        Value::Int(value) => query.bind(*value),
        Value::Bytes(value) => query.bind(value.map(<[u8]>::to_vec)),
        Value::Ints(list) => query.bind(json(list, |text, item| text.push_str(&item.to_string()))),
        Value::Blobs(list) => query.bind(json(list, |text, item| {
            text.push('"');
            text.push_str(&hex::encode(item));
            text.push('"');
        })),
        Value::Table(rows) => query.bind((*rows).to_owned()),
    })
}

/// A JSON array, for `json_each`.
fn json<T>(list: &[T], push: impl Fn(&mut String, &T)) -> String {
    let mut text = String::from("[");
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push(&mut text, item);
    }
    text.push(']');
    text
}

impl Cells for SqliteRow {
    fn int(&self, column: usize) -> Option<Option<i64>> {
        self.try_get(column).ok()
    }

    fn bytes(&self, column: usize) -> Option<Option<Vec<u8>>> {
        self.try_get(column).ok()
    }
}
