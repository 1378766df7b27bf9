//! Counts by day, and samples.

use std::time::Duration;

use super::House;
use super::fixtures::repo;
use crate::ids::RepoId;
use crate::rooms::{Counts, NewSample, Protocol, Tally};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn tally(repo: RepoId, protocol: Protocol, hits: u64, bytes_out: u64) -> Tally {
    Tally { repo, protocol, counts: Counts { hits, bytes_out, ..Counts::default() } }
}

/// Each repository's and each protocol's by itself.
pub async fn counts_add_up_by_day(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let other = catalog.repository("other/name", "other").await.unwrap().id;
    let all = Counts {
        hits: 1,
        partial_hits: 2,
        misses: 3,
        saves: 4,
        bytes_in: 5,
        bytes_out: 6,
        bytes_deduplicated: 7,
    };
    catalog.add_counts(&[Tally { repo, protocol: Protocol::V1, counts: all }]).await.unwrap();
    house.clock.advance(DAY);
    catalog.add_counts(&[tally(repo, Protocol::V2, 1, 10), tally(other, Protocol::V2, 5, 0)]).await.unwrap();
    catalog
        .add_counts(&[tally(repo, Protocol::V2, 2, 20), tally(repo, Protocol::Blobs, 0, 1)])
        .await
        .unwrap();
    catalog.add_counts(&[]).await.unwrap();

    let days = catalog.days(Some(repo), 30, 100).await.unwrap();
    assert_eq!(days.len(), 3);
    assert_eq!((days[0].protocol, days[0].counts.hits, days[0].counts.bytes_out), (Protocol::V2, 3, 30));
    assert_eq!((days[1].protocol, days[1].counts.bytes_out), (Protocol::Blobs, 1));
    assert_eq!((days[2].protocol, days[2].counts), (Protocol::V1, all));
    assert_eq!(days[0].day.0 - days[2].day.0, DAY.as_millis() as i64);
    assert_eq!(days[0].day.0 % DAY.as_millis() as i64, 0);
    assert_eq!(catalog.days(Some(repo), 1, 100).await.unwrap().len(), 2, "today alone");
    let everybody = catalog.days(None, 1, 100).await.unwrap();
    assert_eq!(everybody.len(), 3);
    assert!(everybody.iter().any(|day| day.repository == "other/name" && day.counts.hits == 5));
    assert_eq!(catalog.days(None, 30, 1).await.unwrap().len(), 1);

    let mut sums = catalog.sums_of_days(&[repo, other, RepoId(999)], 30).await.unwrap();
    sums.sort_by_key(|(repo, _)| *repo);
    let sum = Counts { hits: 4, bytes_out: 37, ..all };
    assert_eq!(sums, [(repo, sum), (other, Counts { hits: 5, ..Counts::default() })]);
    let today = Counts { hits: 3, bytes_out: 31, ..Counts::default() };
    assert_eq!(catalog.sums_of_days(&[repo], 1).await.unwrap(), [(repo, today)]);
    assert_eq!(catalog.sums_of_days(&[], 30).await.unwrap(), []);
}

/// Within an hour for the server, and a day for a repository.
pub async fn samples_replace_each_other(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let sample = |repo, bytes| NewSample { repo, disk: None, bound: Some(100), bytes, entries: 1 };
    let whole = |bytes| NewSample { disk: Some(9), ..sample(None, bytes) };
    for bytes in [1, 2] {
        catalog.note_samples(&[whole(bytes), sample(Some(repo), bytes)]).await.unwrap();
    }
    assert!(catalog.samples(None, 10).await.unwrap().len() <= 2, "an hour may have begun between them");
    assert_eq!(catalog.samples(None, 1).await.unwrap()[0].sample, whole(2));
    assert_eq!(catalog.samples(Some(repo), 1).await.unwrap()[0].sample, sample(Some(repo), 2));
    house.clock.advance(DAY);
    catalog.note_samples(&[whole(3), sample(Some(repo), 3)]).await.unwrap();
    catalog.note_samples(&[]).await.unwrap();
    let of_repo: Vec<_> =
        catalog.samples(Some(repo), 2).await.unwrap().into_iter().map(|row| row.sample.bytes).collect();
    assert_eq!(of_repo, [3, 2]);
    let newest = catalog.samples(None, 1).await.unwrap()[0];
    assert_eq!((newest.sample, newest.moment.0 % 3_600_000), (whole(3), 0));
}

/// In other orders.
pub async fn many_add_to_the_same_counts_at_once(house: &House) {
    let repo = repo(&*house.catalog).await;
    let other = house.catalog.repository("other/name", "other").await.unwrap().id;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let catalog = house.handle(number);
            tokio::spawn(async move {
                let mut tallies = [tally(repo, Protocol::V2, 1, 0), tally(other, Protocol::V2, 1, 0)];
                if number.is_multiple_of(2) {
                    tallies.reverse();
                }
                catalog.add_counts(&tallies).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let hits: u64 =
        house.catalog.days(Some(repo), 2, 10).await.unwrap().iter().map(|day| day.counts.hits).sum();
    assert_eq!(hits, 8);
}
