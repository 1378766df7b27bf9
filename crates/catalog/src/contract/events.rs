//! Image pushes, and what goes of what happened.

use std::time::Duration;

use super::House;
use super::fixtures::{GONE, LATER, granted, repo, save, slot};
use crate::ids::RepoId;
use crate::rooms::{
    Counts, EventFilter, Keep, NewImagePush, NewLookup, NewSample, Outcome, Protocol, Pusher, Question, Tally,
};

const HOUR: Duration = Duration::from_secs(3600);
const FOR_EVER: Duration = Duration::from_secs(1 << 40);

fn push(tag: &str) -> NewImagePush {
    NewImagePush {
        destination: "ghcr.io/owner/name".to_owned(),
        tag: tag.to_owned(),
        digest: "sha256:0".to_owned(),
        layers_reused: 3,
        layers_sent: 1,
        bytes_sent: 10,
        bytes_total: 100,
        millis: 1500,
    }
}

fn miss(repo: RepoId, key: &str) -> NewLookup {
    let question = Question {
        repo,
        protocol: Protocol::V1,
        keys: vec![key.to_owned()],
        version: "v".to_owned(),
        read: vec!["s".to_owned()],
        write: None,
    };
    NewLookup { question, outcome: Outcome::Miss, matched: None, reason: None, times: 1, ago: Duration::ZERO }
}

/// And no owner crowds another's out.
pub async fn image_pushes_are_kept_by_owner(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let job = Pusher::Repository(repo);
    let team = Pusher::Cache("team".to_owned());
    catalog.note_image_push(&team, &push("team"), 2).await.unwrap();
    for tag in ["1", "2", "3"] {
        catalog.note_image_push(&job, &push(tag), 2).await.unwrap();
    }
    let all = EventFilter { limit: 10, ..EventFilter::default() };
    let pushes = catalog.image_pushes(&all).await.unwrap();
    assert_eq!(pushes.iter().map(|one| one.push.tag.as_str()).collect::<Vec<_>>(), ["3", "2", "team"]);
    assert_eq!((pushes[0].repository.as_deref(), pushes[0].cache.as_deref()), (Some("owner/name"), None));
    assert_eq!((pushes[2].repository.as_deref(), pushes[2].cache.as_deref()), (None, Some("team")));
    assert_eq!(pushes[0].push, push("3"));
    let own =
        EventFilter { repo: Some(repo), before: Some(pushes[0].id), limit: 10, ..EventFilter::default() };
    assert_eq!(catalog.image_pushes(&own).await.unwrap(), pushes[1..2]);
}

async fn rows(house: &House) -> [usize; 7] {
    let catalog = &*house.catalog;
    let all = EventFilter { limit: 100, ..EventFilter::default() };
    [
        catalog.lookups(&all, None).await.unwrap().len(),
        catalog.removals(&all).await.unwrap().len(),
        catalog.unfinished(&all).await.unwrap().len(),
        catalog.saves(&all, true).await.unwrap().len(),
        catalog.image_pushes(&all).await.unwrap().len(),
        catalog.days(None, 1000, 100).await.unwrap().len(),
        catalog.samples(None, 100).await.unwrap().len(),
    ]
}

/// A row of each kind.
async fn something(house: &House, key: &str) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    catalog.note_lookups(&[miss(repo, key)]).await.unwrap();
    let entry = save(catalog, repo, &slot(key)).await;
    catalog.delete(&[entry], GONE).await.unwrap();
    let upload = granted(catalog, repo, &slot(key)).await;
    catalog.abandon(upload).await.unwrap();
    catalog.note_image_push(&Pusher::Repository(repo), &push("1"), 100).await.unwrap();
    let counts = Counts { misses: 1, ..Counts::default() };
    catalog.add_counts(&[Tally { repo, protocol: Protocol::V1, counts }]).await.unwrap();
    let sample = NewSample { repo: None, disk: Some(1), bound: None, bytes: 1, entries: 1 };
    catalog.note_samples(&[sample]).await.unwrap();
}

/// Counts and samples by an age of their own.
pub async fn what_is_too_old_goes(house: &House) {
    let catalog = &*house.catalog;
    something(house, "old").await;
    house.clock.advance(48 * HOUR);
    something(house, "new").await;
    assert_eq!(rows(house).await, [2; 7]);
    let keep = Keep { events: 24 * HOUR, most: 1000, counts: FOR_EVER };
    assert_eq!(catalog.sweep_events(&keep, 100).await.unwrap(), 5);
    assert_eq!(rows(house).await, [1, 1, 1, 1, 1, 2, 2]);
    assert_eq!(catalog.sweep_events(&keep, 100).await.unwrap(), 0);
    let counts = Keep { counts: 24 * HOUR, ..keep };
    assert_eq!(catalog.sweep_events(&counts, 100).await.unwrap(), 2);
    assert_eq!(rows(house).await, [1; 7]);
    house.clock.advance(LATER);
    let nothing = Keep { events: Duration::ZERO, most: 1000, counts: Duration::ZERO };
    assert_eq!(catalog.sweep_events(&nothing, 100).await.unwrap(), 7);
    assert_eq!(rows(house).await, [0; 7]);
}

/// The oldest of a repository first, and no more at once than the limit.
pub async fn what_is_too_much_goes(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let other = catalog.repository("other/name", "other").await.unwrap().id;
    let keys = ["1", "2", "3", "4", "5"];
    let lookups: Vec<_> = keys.iter().map(|key| miss(repo, key)).chain([miss(other, "other")]).collect();
    catalog.note_lookups(&lookups).await.unwrap();
    let keep = Keep { events: FOR_EVER, most: 2, counts: FOR_EVER };
    assert_eq!(catalog.sweep_events(&keep, 2).await.unwrap(), 2);
    assert_eq!(catalog.sweep_events(&keep, 2).await.unwrap(), 1);
    assert_eq!(catalog.sweep_events(&keep, 2).await.unwrap(), 0);
    let all = EventFilter { limit: 100, ..EventFilter::default() };
    let left: Vec<_> = catalog
        .lookups(&all, None)
        .await
        .unwrap()
        .into_iter()
        .map(|lookup| lookup.question.keys[0].clone())
        .collect();
    assert_eq!(left, ["other", "5", "4"]);
}
