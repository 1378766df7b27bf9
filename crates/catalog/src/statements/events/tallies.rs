//! Counts by day, and samples of what is stored.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{DAY, beginning};
use crate::Result;
use crate::ids::{RepoId, Timestamp};
use crate::rooms::{Counts, Day, NewSample, Sample, Tallies, Tally};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Table, Value, args, signed, sql};
use crate::statements::codes;

/// An hour in milliseconds.
const HOUR: i64 = 3600 * 1000;

const ADD: Sql = sql!(
    "INSERT INTO days (day, repo, protocol, hits, partial_hits, misses, saves, bytes_in, bytes_out,
       bytes_deduplicated)
     SELECT $2," int_at("0") "," int_at("1") "," int_at("2") "," int_at("3") "," int_at("4") "," int_at("5") ","
    int_at("6") "," int_at("7") "," int_at("8") " FROM" rows("$1")
    "WHERE TRUE ON CONFLICT (day, repo, protocol) DO UPDATE SET hits = days.hits + excluded.hits,
       partial_hits = days.partial_hits + excluded.partial_hits, misses = days.misses + excluded.misses,
       saves = days.saves + excluded.saves, bytes_in = days.bytes_in + excluded.bytes_in,
       bytes_out = days.bytes_out + excluded.bytes_out,
       bytes_deduplicated = days.bytes_deduplicated + excluded.bytes_deduplicated"
);

macro_rules! day_columns {
    () => {
        "SELECT days.day, repositories.name, days.protocol, days.hits, days.partial_hits, days.misses, days.saves, \
         days.bytes_in, days.bytes_out, days.bytes_deduplicated \
         FROM days JOIN repositories ON repositories.id = days.repo WHERE days.day > $1 "
    };
}

const DAYS: Sql = sql!(day_columns!() "ORDER BY days.day DESC, days.repo, days.protocol LIMIT $2");
const DAYS_OF: Sql = sql!(day_columns!() "AND days.repo = $3 ORDER BY days.day DESC, days.protocol LIMIT $2");
const SUMS: Sql = sql!(
    "SELECT days.repo, CAST(sum(days.hits) AS BIGINT), CAST(sum(days.partial_hits) AS BIGINT),
       CAST(sum(days.misses) AS BIGINT), CAST(sum(days.saves) AS BIGINT), CAST(sum(days.bytes_in) AS BIGINT),
       CAST(sum(days.bytes_out) AS BIGINT), CAST(sum(days.bytes_deduplicated) AS BIGINT)
     FROM days WHERE days.repo" in_ints("$1") " AND days.day > $2 GROUP BY days.repo"
);
const NOTE: Sql = sql!(
    "INSERT INTO samples (repo, moment, disk, bound, bytes, entries) SELECT"
    int_at("0") "," int_at("1") "," int_at("2") "," int_at("3") "," int_at("4") "," int_at("5") " FROM" rows("$1")
    "WHERE TRUE ON CONFLICT (repo, moment) DO UPDATE SET disk = excluded.disk, bound = excluded.bound,
       bytes = excluded.bytes, entries = excluded.entries"
);
const SAMPLES: Sql = sql!(
    "SELECT moment, repo, disk, bound, bytes, entries FROM samples WHERE repo = $1 ORDER BY moment DESC LIMIT $2"
);

impl Read for Counts {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            hits: columns.read()?,
            partial_hits: columns.read()?,
            misses: columns.read()?,
            saves: columns.read()?,
            bytes_in: columns.read()?,
            bytes_out: columns.read()?,
            bytes_deduplicated: columns.read()?,
        })
    }
}

impl Read for Day {
    const NOUN: &'static str = "day";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            day: Timestamp(columns.read::<i64>()?.checked_mul(DAY)?),
            repository: columns.read()?,
            protocol: columns.read()?,
            counts: columns.read()?,
        })
    }
}

impl Read for Sample {
    const NOUN: &'static str = "sample";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let moment = columns.read()?;
        let repo = Some(columns.read::<i64>()?).filter(|repo| *repo != 0).map(RepoId);
        let (disk, bound) = (columns.read()?, columns.read()?);
        let sample = NewSample { repo, disk, bound, bytes: columns.read()?, entries: columns.read()? };
        Some(Self { moment, sample })
    }
}

#[async_trait]
impl<D: Driver> Tallies for Database<D> {
    async fn add_counts(&self, tallies: &[Tally]) -> Result<()> {
        // In one order, so that two writers lock rows in it; PostgreSQL changes no row twice.
        let rows: BTreeMap<_, _> =
            tallies.iter().map(|tally| ((tally.repo, tally.protocol), &tally.counts)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let rows = Table::of(rows.into_iter().map(|((repo, protocol), counts)| {
            [
                Value::from(repo),
                Value::from(codes::protocol(protocol)),
                Value::from(signed(counts.hits)),
                Value::from(signed(counts.partial_hits)),
                Value::from(signed(counts.misses)),
                Value::from(signed(counts.saves)),
                Value::from(signed(counts.bytes_in)),
                Value::from(signed(counts.bytes_out)),
                Value::from(signed(counts.bytes_deduplicated)),
            ]
        }));
        self.retry(|| async {
            let mut tx = self.write("add to the day's counts").await?;
            let day = tx.now().await? / DAY;
            tx.run(&ADD, args![&rows, day]).await?;
            tx.commit().await
        })
        .await
    }

    async fn days(&self, repo: Option<RepoId>, days: u64, limit: u64) -> Result<Vec<Day>> {
        let mut session = self.read("list counts by day").await?;
        let after = (session.now().await? / DAY).saturating_sub(signed(days));
        match repo {
            Some(repo) => session.all(&DAYS_OF, args![after, signed(limit), repo]).await,
            None => session.all(&DAYS, args![after, signed(limit)]).await,
        }
    }

    async fn sums_of_days(&self, repos: &[RepoId], days: u64) -> Result<Vec<(RepoId, Counts)>> {
        let mut session = self.read("sum counts by repository").await?;
        let after = (session.now().await? / DAY).saturating_sub(signed(days));
        let repos: Vec<i64> = repos.iter().map(|repo| repo.0).collect();
        session.all(&SUMS, args![&repos, after]).await
    }

    async fn note_samples(&self, samples: &[NewSample]) -> Result<()> {
        if samples.is_empty() {
            return Ok(());
        }
        self.retry(|| async {
            let mut tx = self.write("note what is stored").await?;
            let now = tx.now().await?;
            let samples: BTreeMap<i64, &NewSample> =
                samples.iter().map(|sample| (sample.repo.map_or(0, |repo| repo.0), sample)).collect();
            let rows = Table::of(samples.into_iter().map(|(repo, sample)| {
                let span = if repo == 0 { HOUR } else { DAY };
                [
                    Value::from(repo),
                    Value::from(beginning(now, span)),
                    Value::from(sample.disk.map(signed)),
                    Value::from(sample.bound.map(signed)),
                    Value::from(signed(sample.bytes)),
                    Value::from(signed(sample.entries)),
                ]
            }));
            tx.run(&NOTE, args![&rows]).await?;
            tx.commit().await
        })
        .await
    }

    async fn samples(&self, repo: Option<RepoId>, limit: u64) -> Result<Vec<Sample>> {
        let mut session = self.read("list what was stored").await?;
        session.all(&SAMPLES, args![repo.map_or(0, |repo| repo.0), signed(limit)]).await
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::SqliteCatalog;

    #[tokio::test]
    async fn sqlite_sums_the_days_of_the_repositories_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        drop(SqliteCatalog::open(&path).await.unwrap());
        let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", SUMS.sqlite));
        let rows = sqlx::query(text).bind("[]").bind(1).fetch_all(&pool).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let by_repo = |step: &String| step.starts_with("SEARCH days") && step.contains("days_by_repo");
        assert!(steps.iter().any(by_repo), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN days")), "{steps:#?}");
    }
}
