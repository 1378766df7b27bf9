//! Files of binary caches.

use super::House;
use super::fixtures::{LATER, LEASE};
use super::nix_fixtures::{PLAIN, PULL, cache, fresh_recipe, seen_from};

/// Of a cache and a view; the first view that has it wins.
pub async fn a_file_is_found_in_its_view(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let other = catalog.cache("other", "owner").await.unwrap();
    let (plain, pull) = (fresh_recipe(catalog, &cache).await, fresh_recipe(catalog, &cache).await);
    assert!(catalog.keep_file(cache.id, PLAIN, "log/a", plain, 10).await.unwrap());
    assert!(catalog.keep_file(cache.id, PULL, "log/a", pull, 20).await.unwrap());
    let found = catalog.file(cache.id, &seen_from(PULL), "log/a").await.unwrap().unwrap();
    assert_eq!((found.recipe, found.size), (pull, 20));
    let found = catalog.file(cache.id, &seen_from(PLAIN), "log/a").await.unwrap().unwrap();
    assert_eq!((found.recipe, found.size), (plain, 10));
    assert_eq!(catalog.file(cache.id, &[], "log/a").await.unwrap(), None);
    assert_eq!(catalog.file(cache.id, &seen_from(PULL), "log/b").await.unwrap(), None);
    assert_eq!(catalog.file(other.id, &seen_from(PULL), "log/a").await.unwrap(), None);
}

/// The old recipe is swept, an hour later; keeping the same one twice changes nothing.
pub async fn a_file_is_replaced(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let (old, new) = (fresh_recipe(catalog, &cache).await, fresh_recipe(catalog, &cache).await);
    for recipe in [old, old, new] {
        assert!(catalog.keep_file(cache.id, PLAIN, "log", recipe, 10).await.unwrap());
    }
    let found = catalog.file(cache.id, &seen_from(PLAIN), "log").await.unwrap().unwrap();
    assert_eq!(found.recipe, new);
    house.clock.advance(LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 0, "a download may be reading it");
    house.clock.advance(6 * LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 1);
    assert_eq!(catalog.page(old, 0).await.unwrap(), None);
    assert!(catalog.page(new, 0).await.unwrap().is_some());
}

/// And what was there stays.
pub async fn a_file_whose_recipe_was_swept_is_not_kept(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let (old, late) = (fresh_recipe(catalog, &cache).await, fresh_recipe(catalog, &cache).await);
    assert!(catalog.keep_file(cache.id, PLAIN, "log", old, 10).await.unwrap());
    house.clock.advance(LATER);
    catalog.sweep_recipes().await.unwrap();
    assert!(!catalog.keep_file(cache.id, PLAIN, "log", late, 10).await.unwrap());
    assert!(!catalog.keep_file(cache.id, PLAIN, "another", late, 10).await.unwrap());
    let found = catalog.file(cache.id, &seen_from(PLAIN), "log").await.unwrap().unwrap();
    assert_eq!(found.recipe, old);
}

/// Of one cache, and their recipes with them.
pub async fn old_files_are_swept(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let other = catalog.cache("other", "owner").await.unwrap();
    for (cache, name) in [(&cache, "old"), (&other, "old")] {
        let recipe = fresh_recipe(catalog, cache).await;
        assert!(catalog.keep_file(cache.id, PLAIN, name, recipe, 10).await.unwrap());
    }
    house.clock.advance(LATER);
    let recipe = fresh_recipe(catalog, &cache).await;
    assert!(catalog.keep_file(cache.id, PLAIN, "new", recipe, 10).await.unwrap());
    assert_eq!(catalog.sweep_files(cache.id, LEASE).await.unwrap(), 1);
    assert_eq!(catalog.sweep_files(cache.id, LEASE).await.unwrap(), 0);
    let views = seen_from(PLAIN);
    assert_eq!(catalog.file(cache.id, &views, "old").await.unwrap(), None);
    assert!(catalog.file(cache.id, &views, "new").await.unwrap().is_some());
    assert!(catalog.file(other.id, &views, "old").await.unwrap().is_some());
    house.clock.advance(7 * LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 1);
}
