//! Repositories, domains and secrets.

use std::collections::HashSet;
use std::time::Duration;

use super::House;
use super::fixtures::{repo, save_sized, slot};
use crate::rooms::{Holdings, UsageInAll, Why};

/// Names are equal whatever the case of their letters, and the first spelling stays.
pub async fn a_name_is_one_repository_in_any_case(house: &House) {
    let catalog = &*house.catalog;
    assert_eq!(catalog.find_repository("owner/name").await.unwrap(), None);
    let made = catalog.repository("Owner/Name", "Owner").await.unwrap();
    assert_eq!(made.name, "Owner/Name");
    assert_eq!(catalog.repository("owner/NAME", "other").await.unwrap(), made);
    assert_eq!(catalog.find_repository("OWNER/name").await.unwrap(), Some(made.clone()));
    assert_eq!(catalog.repository_name(made.id).await.unwrap().as_deref(), Some("Owner/Name"));

    let sibling = catalog.repository("owner/other", "owner").await.unwrap();
    assert_ne!(sibling.id, made.id);
    assert_eq!(sibling.domain, made.domain);
    let stranger = catalog.repository("stranger/name", "stranger").await.unwrap();
    assert_ne!(stranger.domain, made.domain);
}

/// Both handles give every task the same row.
pub async fn many_ask_for_a_new_repository_at_once(house: &House) {
    let tasks = (0..16).map(|number| {
        let catalog = house.handle(number);
        tokio::spawn(async move { catalog.repository("owner/name", "owner").await.unwrap().id })
    });
    let mut ids = HashSet::new();
    for task in tasks.collect::<Vec<_>>() {
        ids.insert(task.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
}

/// The first value stays, whoever asks.
pub async fn a_secret_is_kept_once(house: &House) {
    let first = house.catalog.secret("urls", b"\x00first\xff").await.unwrap();
    assert_eq!(first, b"\x00first\xff");
    assert_eq!(house.neighbour.secret("urls", b"second").await.unwrap(), first);
    assert_eq!(house.neighbour.secret("tokens", b"").await.unwrap(), b"");
}

/// Repositories with entries are listed by name with what they hold.
pub async fn usage_adds_up(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let other = catalog.repository("Another/one", "another").await.unwrap();
    let empty = catalog.repository("empty/one", "empty").await.unwrap();
    save_sized(catalog, repo, &slot("a"), 7).await;
    save_sized(catalog, repo, &slot("b"), 5).await;
    save_sized(catalog, other.id, &slot("a"), 1).await;

    let usage = async |owner, offset, limit| {
        let usage = catalog.usage(owner, offset, limit).await.unwrap().into_iter();
        usage.map(|usage| (usage.repository.name, usage.entries, usage.bytes)).collect::<Vec<_>>()
    };
    let (another, own) = (("Another/one".to_owned(), 1, 1), ("owner/name".to_owned(), 2, 12));
    assert_eq!(usage(None, 0, 10).await, [another.clone(), own.clone()]);
    assert_eq!(usage(None, 1, 10).await, std::slice::from_ref(&own));
    assert_eq!(usage(None, 0, 1).await, [another]);
    assert_eq!(usage(Some("OWNER"), 0, 10).await, [own]);
    assert_eq!(usage(Some("own"), 0, 10).await, []);
    let in_all = async |owner| {
        let UsageInAll { repositories, holdings } = catalog.usage_in_all(owner).await.unwrap();
        (repositories, holdings.entries, holdings.bytes)
    };
    assert_eq!(in_all(None).await, (2, 3, 13));
    assert_eq!(in_all(Some("Owner")).await, (1, 2, 12));
    assert_eq!(in_all(Some("empty")).await, (0, 0, 0));
    assert_eq!(catalog.holdings(repo).await.unwrap(), Holdings { entries: 2, bytes: 12 });
    assert_eq!(catalog.holdings(other.id).await.unwrap(), Holdings { entries: 1, bytes: 1 });
    assert_eq!(catalog.holdings(empty.id).await.unwrap(), Holdings::default());
}

/// A deletion counts once, whoever else deletes the same.
pub async fn what_is_held_is_counted_under_deletions(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let mut saved = Vec::new();
    for number in 0..24 {
        saved.push(save_sized(catalog, repo, &slot(&format!("k{number}")), 3).await);
    }
    let tasks = (0..8).map(|number| {
        let (catalog, some) = (house.handle(number), saved[number..number + 9].to_vec());
        tokio::spawn(async move { catalog.delete(&some, Why::Retention).await.unwrap() })
    });
    let mut deleted = 0;
    for task in tasks.collect::<Vec<_>>() {
        deleted += task.await.unwrap();
    }
    assert_eq!(deleted, 16);
    assert_eq!(catalog.holdings(repo).await.unwrap(), Holdings { entries: 8, bytes: 24 });
    assert_eq!(catalog.delete(&saved, Why::Retention).await.unwrap(), 8);
    assert_eq!(catalog.holdings(repo).await.unwrap(), Holdings::default());
}

/// It is near this machine's (the tests' databases run here), and moves as it is told.
pub async fn the_clock_is_the_databases(house: &House) {
    let here = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let there = house.catalog.now().await.unwrap().0;
    assert!((there - here).abs() < 60_000, "{there} and {here}");
    house.clock.advance(Duration::from_secs(3600));
    assert!(house.catalog.now().await.unwrap().0 >= there + 3_600_000);
}
