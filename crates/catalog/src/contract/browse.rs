//! What people look at.

use std::time::Duration;

use super::House;
use super::fixtures::{repo, save, slot};
use super::nix_fixtures::{PLAIN, PULL, add, cache, info, seen_from};
use crate::ids::RepoId;

/// The latest of its entries; nothing for one that has none.
pub async fn a_repository_remembers_its_last_use(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let empty = catalog.repository("owner/empty", "owner").await.unwrap();
    let first = save(catalog, repo, &slot("a")).await;
    house.clock.advance(Duration::from_secs(60));
    let second = save(catalog, repo, &slot("b")).await;
    let asked = [repo, empty.id, RepoId(i64::MAX)];
    let accessed = catalog.entry(second).await.unwrap().unwrap().accessed;
    assert_eq!(catalog.last_used(&asked).await.unwrap(), [(repo, accessed)]);
    house.clock.advance(Duration::from_secs(60));
    catalog.touch(&[first]).await.unwrap();
    let accessed = catalog.entry(first).await.unwrap().unwrap().accessed;
    assert_eq!(catalog.last_used(&asked).await.unwrap(), [(repo, accessed)]);
    assert_eq!(catalog.last_used(&[]).await.unwrap(), []);
}

/// The newest first, those of the views that are asked for, as many as are asked for.
pub async fn the_newest_paths_come_first(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let first = add(catalog, &cache, PLAIN, info(1, &[]), 1).await;
    let second = add(catalog, &cache, PULL, info(2, &[]), 2).await;
    let third = add(catalog, &cache, PLAIN, info(3, &[]), 3).await;
    let newest = async |views: Vec<String>, limit| {
        let paths = catalog.newest_paths(cache.id, &views, limit).await.unwrap();
        paths.into_iter().map(|path| path.id).collect::<Vec<_>>()
    };
    assert_eq!(newest(seen_from(PLAIN), 9).await, [third.id, first.id]);
    assert_eq!(newest(seen_from(PULL), 9).await, [third.id, second.id, first.id]);
    assert_eq!(newest(seen_from(PULL), 2).await, [third.id, second.id]);
    assert_eq!(newest(Vec::new(), 9).await, []);
}
