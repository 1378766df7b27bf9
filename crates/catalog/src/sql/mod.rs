//! A thin layer over sqlx, so that a room is written once: a statement stands in one text where both databases
//! accept it, and side by side in the same place where they differ.

mod driver;
mod row;
mod schema;
mod session;
mod text;
mod value;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

pub(crate) use driver::{Driver, Held};
pub(crate) use row::{Cells, Columns, Read};
pub(crate) use schema::is_known;
pub(crate) use session::{Session, Writing};
use sqlx::pool::PoolConnection;
pub(crate) use text::{Sql, sql};
pub(crate) use value::{Table, Value, args, millis, signed};

use crate::{CatalogError, Result};

/// How often a transaction is tried before its error is the caller's.
const ATTEMPTS: u32 = 12;

/// A catalog in one database.
#[derive(Debug)]
pub struct Database<D> {
    driver: D,
    /// How far [`Database::advance`] moved the clock, in milliseconds.
    shift: AtomicI64,
    /// Statements that failed for good, and connections that were not to be had.
    faults: Arc<AtomicU64>,
}

impl<D> Database<D> {
    /// Moves the clock that this catalog's statements go by: for tests of what time does. Other handles on the
    /// same database keep theirs.
    pub fn advance(&self, span: Duration) {
        self.shift.fetch_add(millis(span), Ordering::SeqCst);
    }
}

#[expect(private_bounds, reason = "the drivers are named by `SqliteCatalog` and `PostgresCatalog` alone")]
impl<D: Driver> Database<D> {
    /// The database behind `driver`, its schema brought up to date.
    pub(crate) async fn new(driver: D) -> Result<Self> {
        let database = Self { driver, shift: AtomicI64::new(0), faults: Arc::default() };
        schema::migrate(&database).await?;
        Ok(database)
    }

    /// A connection for reading; `what` is for errors, an infinitive.
    pub(crate) async fn read(&self, what: &'static str) -> Result<Session<D, PoolConnection<D::Database>>> {
        let held = self.driver.reader().await.map_err(|source| self.unreached(what, source))?;
        Ok(self.session(held, what))
    }

    /// A transaction; `what` is for errors, an infinitive.
    pub(crate) async fn write(&self, what: &'static str) -> Result<Writing<D>> {
        let held = self.driver.writer().await.map_err(|source| self.unreached(what, source))?;
        Ok(self.session(held, what))
    }

    fn session<H: Held<D>>(&self, held: H, what: &'static str) -> Session<D, H> {
        Session::new(held, what, self.shift.load(Ordering::SeqCst), Arc::clone(&self.faults))
    }

    fn unreached(&self, what: &'static str, source: sqlx::Error) -> CatalogError {
        self.faults.fetch_add(1, Ordering::Relaxed);
        CatalogError::Statement { what, source }
    }

    /// How many statements have failed for good on this handle.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Ends all connections.
    pub(crate) async fn close_all(&self) {
        self.driver.close().await;
    }

    /// Runs a transaction again when the database chose it to give way to another.
    pub(crate) async fn retry<T, W>(&self, work: impl Fn() -> W + Send + Sync) -> Result<T>
    where
        W: Future<Output = Result<T>> + Send,
        T: Send,
    {
        let mut attempt = 1;
        loop {
            match work().await {
                Err(CatalogError::Statement { source, .. }) if attempt < ATTEMPTS && D::passing(&source) => {
                    tokio::time::sleep(Duration::from_millis(1 << attempt.min(7))).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }
}
