//! PostgreSQL: for any number of processes on any number of machines.

use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, Error, Executor, Postgres, Row, Transaction};

use crate::sql::{Cells, Database, Driver, Sql, Value};
use crate::{CatalogError, Result};

/// Connections of one process; PostgreSQL allows a hundred in all unless told otherwise.
const CONNECTIONS: u32 = 16;

/// How long a method waits for a connection.
const QUEUE: Duration = Duration::from_secs(60);

/// How long the server may take to accept the first connection.
const PATIENCE: Duration = Duration::from_secs(15);

/// A catalog in a PostgreSQL database.
pub type PostgresCatalog = Database<PostgresDriver>;

/// The connections to a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresDriver {
    pool: PgPool,
}

impl PostgresCatalog {
    /// Opens the catalog in the database of this URL, `postgres://user:password@host:port/name`.
    ///
    /// # Errors
    /// When the database cannot be reached or was set up by a newer version of this program.
    pub async fn open(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|source| CatalogError::Open { place: "postgres://".to_owned(), source })?
            .application_name("snowbank");
        let place = format!(
            "postgres://{}:{}/{}",
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_default()
        );
        // The pool would try again for as long as a method may wait: a wrong URL should be told at once.
        let attempt = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
        match attempt.unwrap_or(Err(Error::PoolTimedOut)) {
            // It has served its purpose, and what a goodbye could fail with does not matter.
            Ok(connection) => drop(connection),
            Err(source) => return Err(CatalogError::Open { place, source }),
        }
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(QUEUE)
            .after_connect(|connection, _| {
                // Every statement is written so that one plan fits all values; planning a lookup anew takes longer
                // than the lookup.
                Box::pin(async move {
                    connection.execute("SET plan_cache_mode = force_generic_plan").await.map(drop)
                })
            })
            .connect_lazy_with(options);
        Self::new(PostgresDriver { pool }).await
    }
}

impl Driver for PostgresDriver {
    type Database = Postgres;

    const CLOCK: &'static str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";

    fn text(sql: &Sql) -> &'static str {
        sql.postgres
    }

    fn passing(error: &Error) -> bool {
        // Serialization failure and deadlock.
        let code = error.as_database_error().and_then(|error| error.code());
        code.is_some_and(|code| code == "40001" || code == "40P01")
    }

    async fn reader(&self) -> std::result::Result<PoolConnection<Postgres>, Error> {
        self.pool.acquire().await
    }

    async fn writer(&self) -> std::result::Result<Transaction<'static, Postgres>, Error> {
        // What a statement sees after it waited for a lock is the whole point, whatever the server's default.
        self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await
    }

    async fn close(&self) {
        self.pool.close().await;
    }

    async fn rows(
        connection: &mut PgConnection,
        text: &'static str,
        args: &[Value<'_>],
    ) -> std::result::Result<Vec<PgRow>, Error> {
        bind(text, args).fetch_all(connection).await
    }

    async fn run(
        connection: &mut PgConnection,
        text: &'static str,
        args: &[Value<'_>],
    ) -> std::result::Result<u64, Error> {
        Ok(bind(text, args).execute(connection).await?.rows_affected())
    }

    async fn script(connection: &mut PgConnection, text: String) -> std::result::Result<(), Error> {
        connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.map(drop)
    }
}

type Query<'a> = sqlx::query::Query<'a, Postgres, PgArguments>;

fn bind<'a>(text: &'static str, args: &'a [Value<'_>]) -> Query<'a> {
    args.iter().fold(sqlx::query(text), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Ints(list) => query.bind(list),
        Value::Blobs(list) => query.bind(list),
        Value::Table(rows) => query.bind(rows),
    })
}

impl Cells for PgRow {
    fn int(&self, column: usize) -> Option<Option<i64>> {
        self.try_get(column).ok()
    }

    fn bytes(&self, column: usize) -> Option<Option<Vec<u8>>> {
        self.try_get(column).ok()
    }
}
