//! What differs between the databases beside the text of statements.

use std::fmt::Debug;
use std::future::Future;
use std::ops::DerefMut;

use sqlx::pool::PoolConnection;
use sqlx::{Error, Transaction};

use super::{Cells, Sql, Value};

/// One kind of database, opened.
pub(crate) trait Driver: Debug + Send + Sync + 'static {
    /// sqlx's name for it.
    type Database: sqlx::Database<Row: Cells>;

    /// Its clock in milliseconds since 1970.
    const CLOCK: &'static str;

    /// Its text of a statement.
    fn text(sql: &Sql) -> &'static str;

    /// Whether a transaction that failed so may well succeed if it is tried again from its beginning.
    fn passing(error: &Error) -> bool;

    /// A connection for reading.
    fn reader(&self) -> impl Future<Output = Result<PoolConnection<Self::Database>, Error>> + Send;

    /// A transaction that may write.
    fn writer(&self) -> impl Future<Output = Result<Transaction<'static, Self::Database>, Error>> + Send;

    /// Ends all connections.
    fn close(&self) -> impl Future<Output = ()> + Send;

    /// Runs a statement and gives its rows.
    fn rows(
        connection: &mut <Self::Database as sqlx::Database>::Connection,
        text: &'static str,
        args: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<<Self::Database as sqlx::Database>::Row>, Error>> + Send;

    /// Runs a statement and gives how many rows it changed.
    fn run(
        connection: &mut <Self::Database as sqlx::Database>::Connection,
        text: &'static str,
        args: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Runs several statements without values.
    fn script(
        connection: &mut <Self::Database as sqlx::Database>::Connection,
        text: String,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A connection, however it is held.
pub(crate) trait Held<D: Driver>:
    DerefMut<Target = <D::Database as sqlx::Database>::Connection> + Send
{
}

impl<D: Driver, H> Held<D> for H where H: DerefMut<Target = <D::Database as sqlx::Database>::Connection> + Send
{}
