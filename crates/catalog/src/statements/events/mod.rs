//! What happened. Newer rows have larger numbers, so the newest are found, and the oldest swept, by number.

mod image_pushes;
mod lookups;
mod near;
mod removals;
mod saves;
mod tallies;

pub(super) use removals::{ended, removed};
pub(super) use saves::{recoded, saved};

use async_trait::async_trait;

use super::slots::after_prefix;
use crate::Result;
use crate::ids::Timestamp;
use crate::rooms::{EventFilter, Events, Keep};
use crate::sql::{Database, Driver, Sql, args, millis, signed, sql};

/// Deletes the oldest of a table, of which no more are looked at than may go.
macro_rules! too_old {
    ($table:literal, $moment:literal) => {
        sql!(
            "DELETE FROM " $table " WHERE id IN (
                 SELECT oldest.id FROM (SELECT id, " $moment " AS moment FROM " $table " ORDER BY id LIMIT $2) AS oldest
                 WHERE oldest.moment <= $1
             )"
        )
    };
}

/// Of each repository the newest row of a table that is one too many.
macro_rules! too_many {
    ($table:literal) => {
        [
            sql!(
                "SELECT repositories.id, (
                     SELECT kept.id FROM " $table " AS kept WHERE kept.repo = repositories.id
                     ORDER BY kept.id DESC LIMIT 1 OFFSET $1
                 ) FROM repositories ORDER BY repositories.id"
            ),
            sql!(
                "DELETE FROM " $table " WHERE id IN (
                     SELECT surplus.id FROM " $table " AS surplus WHERE surplus.repo = $1 AND surplus.id <= $2
                     ORDER BY surplus.id LIMIT $3
                 )"
            ),
        ]
    };
}

const TOO_OLD: [Sql; 5] = [
    too_old!("lookups", "moment"),
    too_old!("removals", "removed"),
    too_old!("unfinished", "ended"),
    too_old!("saves", "finished"),
    too_old!("image_pushes", "moment"),
];
/// For each table the statements that find and that delete.
const TOO_MANY: [[Sql; 2]; 4] =
    [too_many!("lookups"), too_many!("removals"), too_many!("unfinished"), too_many!("saves")];
const OLD_DAYS: Sql = sql!(
    "DELETE FROM days WHERE (day, repo, protocol) IN (
         SELECT oldest.day, oldest.repo, oldest.protocol FROM days AS oldest WHERE oldest.day <= $1 LIMIT $2
     )"
);
const OLD_SAMPLES: Sql = sql!(
    "DELETE FROM samples WHERE (repo, moment) IN (
         SELECT oldest.repo, oldest.moment FROM samples AS oldest WHERE oldest.moment <= $1 LIMIT $2
     )"
);

/// A day in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;

/// What separates the texts of a list: neither keys nor git refs may hold it.
const BETWEEN: char = '\0';

#[async_trait]
impl<D: Driver> Events for Database<D> {
    async fn sweep_events(&self, keep: &Keep, limit: u64) -> Result<u64> {
        let now = self.read("read the clock").await?.now().await?;
        let (events, counts) = (now - millis(keep.events), now - millis(keep.counts));
        let mut gone = 0;
        for sql in &TOO_OLD {
            gone += delete(self, sql, events, limit).await?;
        }
        for [find, sql] in &TOO_MANY {
            gone += delete_surplus(self, find, sql, keep.most, limit).await?;
        }
        gone += delete(self, &OLD_DAYS, counts / DAY, limit).await?;
        gone += delete(self, &OLD_SAMPLES, counts, limit).await?;
        Ok(gone)
    }
}

/// A transaction of its own, so that nobody waits for more than a few rows.
async fn delete<D: Driver>(database: &Database<D>, sql: &Sql, bound: i64, limit: u64) -> Result<u64> {
    database
        .retry(|| async {
            let mut tx = database.write("forget events").await?;
            let gone = tx.run(sql, args![bound, signed(limit)]).await?;
            tx.commit().await?;
            Ok(gone)
        })
        .await
}

/// Deletes what repositories have more of than `most`; at most `limit` rows.
async fn delete_surplus<D: Driver>(
    database: &Database<D>,
    find: &Sql,
    sql: &Sql,
    most: u64,
    limit: u64,
) -> Result<u64> {
    let bounds: Vec<(i64, Option<i64>)> =
        database.read("find events that are too many").await?.all(find, args![signed(most)]).await?;
    let mut gone = 0;
    for (repo, bound) in bounds {
        let Some(bound) = bound.filter(|_| gone < limit) else { continue };
        gone += database
            .retry(|| async {
                let mut tx = database.write("forget events").await?;
                let gone = tx.run(sql, args![repo, bound, signed(limit - gone)]).await?;
                tx.commit().await?;
                Ok(gone)
            })
            .await?;
    }
    Ok(gone)
}

/// Texts as one value.
fn joined(texts: &[String]) -> String {
    texts.join(&BETWEEN.to_string())
}

/// Texts of one value; none of an empty one.
fn split(texts: &str) -> Vec<String> {
    if texts.is_empty() { Vec::new() } else { texts.split(BETWEEN).map(str::to_owned).collect() }
}

/// The bounds of a filter: before which number, and between which keys.
struct Bounds<'a> {
    before: i64,
    low: Option<&'a [u8]>,
    high: Option<Vec<u8>>,
    limit: i64,
}

impl<'a> Bounds<'a> {
    fn of(filter: &'a EventFilter) -> Self {
        Self {
            before: filter.before.unwrap_or(i64::MAX),
            low: filter.key_prefix.as_ref().map(String::as_bytes),
            high: filter.key_prefix.as_deref().map(after_prefix),
            limit: signed(filter.limit),
        }
    }
}

/// The beginning of the hour or day that a time lies in.
fn beginning(moment: i64, span: i64) -> Timestamp {
    Timestamp(moment - moment.rem_euclid(span))
}
