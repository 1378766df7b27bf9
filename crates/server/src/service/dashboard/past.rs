//! What happened in the last days, summed for charts.

use std::collections::HashMap;

use snowbank_catalog::ids::{RepoId, Timestamp};
use snowbank_catalog::rooms::{Counts, NewSample};

use crate::service::{Onlooker, Result, Service, Visitor};

/// Days that are looked at, today among them.
const DAYS: i64 = 30;
/// Milliseconds.
const DAY: i64 = 86_400_000;
/// Rows of a repository's day: one for each protocol.
const PROTOCOLS: u64 = 3;
/// Samples of the whole server's day.
const HOURS: u64 = 24;

/// What lookups found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Their primary key.
    pub hits: u64,
    /// Something else that begins as was asked.
    pub partial_hits: u64,
    /// Nothing.
    pub misses: u64,
}

impl Answers {
    fn add(&mut self, counts: &Counts) {
        self.hits = self.hits.saturating_add(counts.hits);
        self.partial_hits = self.partial_hits.saturating_add(counts.partial_hits);
        self.misses = self.misses.saturating_add(counts.misses);
    }

    /// How many of a hundred found something, rounded down; none where there were none.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        let found = u128::from(self.hits) + u128::from(self.partial_hits);
        let percent = (found * 100).checked_div(found + u128::from(self.misses))?;
        u64::try_from(percent).ok()
    }
}

/// A value for each of the last 30 days, each with its beginning in UTC, the oldest first.
pub type ByDay<T> = Vec<(Timestamp, T)>;

/// What a repository's last days were like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// When one of its entries was last used.
    pub used: Option<Timestamp>,
    /// What its lookups found.
    pub answers: ByDay<Answers>,
    /// What was stored; none where that was not noted.
    pub stored: ByDay<Option<NewSample>>,
}

impl Past {
    /// What lookups of all the days found.
    #[must_use]
    pub fn all(&self) -> Answers {
        let mut all = Answers::default();
        for (_, Answers { hits, partial_hits, misses }) in &self.answers {
            all.add(&Counts {
                hits: *hits,
                partial_hits: *partial_hits,
                misses: *misses,
                ..Counts::default()
            });
        }
        all
    }
}

impl Service {
    /// What lookups of the last 30 days found in each of these repositories; those without any are left out.
    pub async fn answers(&self, repos: &[RepoId]) -> Result<HashMap<RepoId, Answers>> {
        self.write_events().await?;
        let sums = self.0.catalog.sums_of_days(repos, DAYS.unsigned_abs()).await?;
        let answers = |(repo, counts): (RepoId, Counts)| {
            let mut answers = Answers::default();
            answers.add(&counts);
            (repo, answers)
        };
        Ok(sums.into_iter().map(answers).collect())
    }

    /// What a repository's last days were like.
    pub async fn past(&self, visitor: &Visitor) -> Result<Past> {
        let onlooker = visitor.onlooker();
        let rows = self.days(onlooker, DAYS.unsigned_abs(), DAYS.unsigned_abs() * PROTOCOLS).await?;
        let mut answers = self.each_day(Answers::default()).await?;
        for row in rows {
            if let Some(answers) = on(&mut answers, row.day) {
                answers.add(&row.counts);
            }
        }
        let used = match visitor.repository() {
            Some(repository) => self.0.catalog.last_used(&[repository.id]).await?.pop().map(|(_, used)| used),
            None => None,
        };
        Ok(Past { used, answers, stored: self.stored(onlooker).await? })
    }

    /// What was stored at the end of each day, of the whole server for who may see everything.
    pub async fn stored(&self, onlooker: Onlooker) -> Result<ByDay<Option<NewSample>>> {
        let a_day = if onlooker == Onlooker::Everything { HOURS } else { 1 };
        let mut days = self.each_day(None).await?;
        // The latest come first, and the day's last one counts.
        for row in self.samples(onlooker, DAYS.unsigned_abs() * a_day).await? {
            if let Some(day) = on(&mut days, row.moment) {
                day.get_or_insert(row.sample);
            }
        }
        Ok(days)
    }

    async fn each_day<T: Clone>(&self, value: T) -> Result<ByDay<T>> {
        let today = self.now().await?.0.div_euclid(DAY);
        Ok((today - DAYS + 1..=today).map(|day| (Timestamp(day * DAY), value.clone())).collect())
    }
}

/// The value of the day in which a time is.
fn on<T>(days: &mut ByDay<T>, time: Timestamp) -> Option<&mut T> {
    let (first, _) = days.first()?;
    let at = usize::try_from((time.0.saturating_sub(first.0)).div_euclid(DAY)).ok()?;
    days.get_mut(at).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_found_something() {
        let rate = |hits, partial_hits, misses| Answers { hits, partial_hits, misses }.rate();
        assert_eq!(rate(0, 0, 0), None);
        assert_eq!(rate(1, 1, 1), Some(66));
        assert_eq!(rate(u64::MAX, u64::MAX, 1), Some(99));
        assert_eq!(rate(3, 0, 0), Some(100));
    }

    #[test]
    fn a_time_is_in_its_day() {
        let mut days: ByDay<u8> = (0..3).map(|day| (Timestamp((day + 100) * DAY), day as u8)).collect();
        assert_eq!(on(&mut days, Timestamp(101 * DAY - 1)), Some(&mut 0));
        assert_eq!(on(&mut days, Timestamp(101 * DAY)), Some(&mut 1));
        for outside in [100 * DAY - 1, 103 * DAY, i64::MIN, i64::MAX] {
            assert_eq!(on(&mut days, Timestamp(outside)), None, "{outside}");
        }
    }
}
