//! Lookups that were noted, and what a miss was near.

use std::time::Duration;

use super::House;
use super::fixtures::{GONE, LATER, granted, repo, save, slot};
use crate::ids::{EntryId, RepoId, Timestamp};
use crate::rooms::{
    EventFilter, MAX_NOTED_KEY, MAX_NOTED_TEXT, Matched, MissReason, NewLookup, Outcome, Protocol, Question,
    RemovalReason, Slot,
};

fn question(repo: RepoId, keys: &[&str]) -> Question {
    Question {
        repo,
        protocol: Protocol::V2,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        version: "v1".to_owned(),
        read: vec!["refs/heads/main".to_owned(), "refs/heads/dev".to_owned()],
        write: Some("refs/heads/dev".to_owned()),
    }
}

fn miss(repo: RepoId, keys: &[&str], reason: Option<MissReason>) -> NewLookup {
    NewLookup {
        question: question(repo, keys),
        outcome: Outcome::Miss,
        matched: None,
        reason,
        times: 1,
        ago: Duration::ZERO,
    }
}

fn few(limit: u64) -> EventFilter {
    EventFilter { limit, ..EventFilter::default() }
}

/// With all that was asked and found, at the time of its asking.
pub async fn a_lookup_comes_back_as_it_was_noted(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let matched = Matched { entry: EntryId(7), key: "k-1".to_owned(), scope: "refs/heads/dev".to_owned() };
    let noted = NewLookup {
        question: question(repo, &["k-2", "k-", "ä%_"]),
        outcome: Outcome::Partial,
        matched: Some(matched),
        reason: None,
        times: 3,
        ago: Duration::from_secs(3600),
    };
    let now = catalog.now().await.unwrap();
    catalog.note_lookups(std::slice::from_ref(&noted)).await.unwrap();
    catalog.note_lookups(&[]).await.unwrap();
    let found = catalog.lookups(&few(10), None).await.unwrap();
    assert_eq!(found.len(), 1);
    let lookup = &found[0];
    assert_eq!((lookup.repository.as_str(), lookup.times), ("owner/name", 3));
    assert_eq!(
        (&lookup.question, lookup.outcome, &lookup.matched),
        (&noted.question, noted.outcome, &noted.matched)
    );
    assert_eq!(lookup.reason, None);
    let ago = now.0 - lookup.moment.0;
    assert!((3_540_000..=3_600_000).contains(&ago), "{ago}");
}

/// None is mistaken for another.
pub async fn every_reason_comes_back(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let (key, scope, version) = ("k".to_owned(), "s".to_owned(), "v".to_owned());
    let at = Timestamp(5);
    let evicted =
        |why, by: Option<&str>| MissReason::Evicted { key: key.clone(), at, why, by: by.map(str::to_owned) };
    let reasons = [
        MissReason::BeingSaved { key: key.clone(), since: at },
        MissReason::Unfinished { key: key.clone(), begun: at, ended: Timestamp(6) },
        MissReason::Expired { key: key.clone(), at },
        MissReason::Damaged { key: key.clone(), at },
        evicted(RemovalReason::RepositoryLimit, None),
        evicted(RemovalReason::DiskBound, None),
        evicted(RemovalReason::Deleted, Some("token:1")),
        MissReason::OtherVersion { key: key.clone(), scope: scope.clone(), version: version.clone() },
        MissReason::OtherScope { key: key.clone(), scope, version },
        MissReason::NoSuchKey { nearest: vec![] },
        MissReason::NoSuchKey { nearest: vec!["a".to_owned(), "b".to_owned()] },
    ];
    let noted: Vec<NewLookup> =
        reasons.iter().map(|reason| miss(repo, &["k"], Some(reason.clone()))).collect();
    catalog.note_lookups(&noted).await.unwrap();
    let mut found: Vec<_> = catalog
        .lookups(&few(100), None)
        .await
        .unwrap()
        .into_iter()
        .map(|lookup| lookup.reason.unwrap())
        .collect();
    found.reverse();
    assert_eq!(found, reasons);
}

/// The newest first; a page goes on before the last of the page before it.
pub async fn lookups_are_listed_by_page_and_filter(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let other = catalog.repository("other/name", "other").await.unwrap().id;
    let hit = |repo, key| NewLookup { outcome: Outcome::Hit, ..miss(repo, &[key], None) };
    let noted = [hit(repo, "a-1"), miss(repo, &["a-2"], None), hit(other, "a-3"), miss(repo, &["b"], None)];
    catalog.note_lookups(&noted).await.unwrap();
    let keys = async |filter: EventFilter, outcome| {
        let found = catalog.lookups(&filter, outcome).await.unwrap();
        found.into_iter().map(|lookup| lookup.question.keys[0].clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(few(10), None).await, ["b", "a-3", "a-2", "a-1"]);
    assert_eq!(keys(few(10), Some(Outcome::Miss)).await, ["b", "a-2"]);
    let own = EventFilter { repo: Some(repo), ..few(2) };
    assert_eq!(keys(own.clone(), None).await, ["b", "a-2"]);
    let last = catalog.lookups(&own, None).await.unwrap()[1].id;
    assert_eq!(keys(EventFilter { before: Some(last), ..own.clone() }, None).await, ["a-1"]);
    let begun = EventFilter { key_prefix: Some("a-".to_owned()), ..own };
    assert_eq!(keys(begun.clone(), None).await, ["a-2", "a-1"]);
    assert_eq!(keys(begun, Some(Outcome::Hit)).await, ["a-1"]);
}

/// At the end of a character; of too many the last are left out.
pub async fn long_texts_are_cut(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let long = "ä".repeat(2000);
    let mut noted =
        miss(repo, &[long.as_str(); 20], Some(MissReason::NoSuchKey { nearest: vec![long.clone(); 20] }));
    noted.question.version = long.clone();
    noted.question.read = vec![long.clone(); 20];
    noted.question.write = Some(long);
    catalog.note_lookups(&[noted]).await.unwrap();
    let found = catalog.lookups(&few(1), None).await.unwrap().remove(0);
    let Question { keys, version, read, write, .. } = found.question;
    assert!(keys.iter().all(|key| key.len() <= MAX_NOTED_KEY) && (2..6).contains(&keys.len()));
    assert!(read.iter().all(|scope| scope.len() <= MAX_NOTED_TEXT) && (1..5).contains(&read.len()));
    assert!(version.len() <= MAX_NOTED_TEXT && write.unwrap().len() <= MAX_NOTED_TEXT);
}

/// Entries, what went, what is under way and what never came; and the keys on both sides.
pub async fn what_a_miss_was_near_is_found(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let other = catalog.repository("other/name", "other").await.unwrap().id;
    save(catalog, other, &slot("k-1")).await;
    for key in ["a", "j", "k-1", "l"] {
        save(catalog, repo, &slot(key)).await;
    }
    let elsewhere = Slot { scope: "dev".to_owned(), version: "v2".to_owned(), ..slot("k-2") };
    save(catalog, repo, &elsewhere).await;
    let gone = save(catalog, repo, &slot("k-0")).await;
    catalog.delete(&[gone], GONE).await.unwrap();
    granted(catalog, repo, &slot("k-3")).await;
    house.clock.advance(LATER);
    granted(catalog, repo, &slot("k-4")).await;
    let keys = ["k-".to_owned()];

    for swept in [false, true] {
        if swept {
            assert_eq!(catalog.sweep_uploads(10).await.unwrap(), 1);
        }
        let near = catalog.near(repo, &keys).await.unwrap();
        let slots: Vec<_> = near.entries.iter().map(|entry| entry.slot.clone()).collect();
        assert_eq!(slots, [slot("k-1"), elsewhere.clone()]);
        assert_eq!(near.removals.len(), 1);
        assert_eq!((&near.removals[0].slot, near.removals[0].reason), (&slot("k-0"), RemovalReason::Deleted));
        assert_eq!(near.removals[0].by.as_deref(), Some("a test"));
        let uploads: Vec<_> =
            near.uploads.iter().map(|upload| (upload.slot.key.as_str(), upload.ended.is_some())).collect();
        assert_eq!(uploads, [("k-4", false), ("k-3", true)], "swept: {swept}");
        assert_eq!(near.neighbours, ["a", "j", "k-1", "k-2", "l"]);
    }
    let nothing = catalog.near(repo, &[]).await.unwrap();
    assert_eq!(nothing, crate::rooms::Nearby::default());
}

/// However much there is.
pub async fn what_is_near_is_bounded(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let mut entries = Vec::new();
    for number in 0..80 {
        entries.push(save(catalog, repo, &slot(&format!("k-{number:03}"))).await);
    }
    catalog.delete(&entries[40..], GONE).await.unwrap();
    let near = catalog.near(repo, &["k-079".to_owned(), "k-".to_owned()]).await.unwrap();
    assert_eq!((near.entries.len(), near.removals.len()), (32, 32));
    assert_eq!(near.neighbours, ["k-036", "k-037", "k-038", "k-039"]);
    // The exact key is found however many went since.
    let first = catalog.near(repo, &["k-040".to_owned()]).await.unwrap();
    assert_eq!(first.removals.len(), 1);
}
