//! Binary caches, and what they come to.

use std::collections::HashSet;

use super::House;
use super::nix_fixtures::{PLAIN, PULL, add, cache, copy, info};
use crate::rooms::CacheUsage;

/// Made once, found by its exact name, in the domain of whoever owns it.
pub async fn a_cache_is_made_once(house: &House) {
    let catalog = &*house.catalog;
    assert_eq!(catalog.find_cache("main").await.unwrap(), None);
    let made = catalog.cache("main", "Owner").await.unwrap();
    assert_eq!(made.name, "main");
    assert_eq!(catalog.cache("main", "other").await.unwrap(), made);
    assert_eq!(catalog.find_cache("main").await.unwrap(), Some(made.clone()));
    assert_eq!(catalog.find_cache("Main").await.unwrap(), None);
    let repository = catalog.repository("owner/name", "owner").await.unwrap();
    assert_eq!(repository.domain, made.domain, "it shares with the owner's repositories");
    let other = catalog.cache("another", "other").await.unwrap();
    assert_eq!(catalog.caches().await.unwrap(), [other, made]);
}

/// Both handles give every task the same row.
pub async fn many_ask_for_a_new_cache_at_once(house: &House) {
    let tasks = (0..16).map(|number| {
        let catalog = house.handle(number);
        tokio::spawn(async move { catalog.cache("main", "owner").await.unwrap().id })
    });
    let mut ids = HashSet::new();
    for task in tasks.collect::<Vec<_>>() {
        ids.insert(task.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
}

/// A NAR counts once, however many paths have it, and not at all where it is not there.
pub async fn a_caches_usage_counts_each_nar_once(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    assert_eq!(catalog.cache_usage(cache.id).await.unwrap(), CacheUsage::default());
    add(catalog, &cache, PLAIN, info(1, &[]), 1).await;
    add(catalog, &cache, PULL, info(1, &[]), 1).await;
    add(catalog, &cache, PLAIN, info(2, &[]), 2).await;
    copy(catalog, &cache, info(3, &[])).await;
    let usage = catalog.cache_usage(cache.id).await.unwrap();
    assert_eq!(usage, CacheUsage { paths: 4, stored: 100 });
    let other = catalog.cache("other", "owner").await.unwrap();
    assert_eq!(catalog.cache_usage(other.id).await.unwrap(), CacheUsage::default());
}
