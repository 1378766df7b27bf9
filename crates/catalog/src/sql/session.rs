//! Statements on one connection.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::Transaction;

use super::{Columns, Driver, Held, Read, Sql, Value};
use crate::{CatalogError, Result};

/// A connection in use by one method.
#[derive(Debug)]
pub(crate) struct Session<D, H> {
    held: H,
    /// What the method attempts, for its errors.
    what: &'static str,
    /// How far the clock was moved by a test, in milliseconds.
    shift: i64,
    now: Option<i64>,
    faults: Arc<AtomicU64>,
    driver: PhantomData<fn() -> D>,
}

/// A transaction. Dropped without a commit, it leaves nothing.
pub(crate) type Writing<D> = Session<D, Transaction<'static, <D as Driver>::Database>>;

impl<D: Driver, H: Held<D>> Session<D, H> {
    pub(super) fn new(held: H, what: &'static str, shift: i64, faults: Arc<AtomicU64>) -> Self {
        Self { held, what, shift, now: None, faults, driver: PhantomData }
    }

    /// The database's time, the same throughout the session.
    ///
    /// It is read before the session waits for any row lock, so it may lag, never lead: a lease that ran out
    /// meanwhile still counts as running, which is the safe side.
    pub(crate) async fn now(&mut self) -> Result<i64> {
        if let Some(now) = self.now {
            return Ok(now);
        }
        let clock = Sql { sqlite: D::CLOCK, postgres: D::CLOCK };
        let now = self.one::<i64>(&clock, &[]).await? + self.shift;
        self.now = Some(now);
        Ok(now)
    }

    /// Every row.
    pub(crate) async fn all<T: Read>(&mut self, sql: &Sql, args: &[Value<'_>]) -> Result<Vec<T>> {
        let rows = D::rows(&mut self.held, D::text(sql), args).await.map_err(|source| self.failed(source))?;
        rows.iter()
            .map(|row| T::read(&mut Columns::new(row)).ok_or(CatalogError::Damaged { what: T::NOUN }))
            .collect()
    }

    /// The first row, if there is any.
    pub(crate) async fn find<T: Read>(&mut self, sql: &Sql, args: &[Value<'_>]) -> Result<Option<T>> {
        Ok(self.all(sql, args).await?.into_iter().next())
    }

    /// The row of a statement that always gives one.
    pub(crate) async fn one<T: Read>(&mut self, sql: &Sql, args: &[Value<'_>]) -> Result<T> {
        self.find(sql, args).await?.ok_or_else(|| self.failed(sqlx::Error::RowNotFound))
    }

    /// Runs a statement for its effect. Returns how many rows it changed.
    pub(crate) async fn run(&mut self, sql: &Sql, args: &[Value<'_>]) -> Result<u64> {
        D::run(&mut self.held, D::text(sql), args).await.map_err(|source| self.failed(source))
    }

    /// Runs several statements without values.
    pub(super) async fn script(&mut self, text: String) -> Result<()> {
        D::script(&mut self.held, text).await.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: sqlx::Error) -> CatalogError {
        // What gives way to another is tried again, and is no fault.
        if !D::passing(&source) {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        CatalogError::Statement { what: self.what, source }
    }
}

impl<D: Driver> Writing<D> {
    /// Makes it so, durably.
    pub(crate) async fn commit(self) -> Result<()> {
        let what = self.what;
        self.held.commit().await.map_err(|source| CatalogError::Statement { what, source })
    }
}
