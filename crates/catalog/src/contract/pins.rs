//! Pins.

use super::House;
use super::fixtures::{LATER, LEASE};
use super::nix_fixtures::{cache, path};

/// The last path that was pinned under it, by name.
pub async fn a_pin_is_a_name_for_one_path(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let other = catalog.cache("other", "owner").await.unwrap();
    catalog.pin(cache.id, "b", &path(1), None).await.unwrap();
    catalog.pin(cache.id, "a", &path(2), None).await.unwrap();
    catalog.pin(cache.id, "b", &path(3), None).await.unwrap();
    let pins = catalog.pins(cache.id).await.unwrap();
    let pins: Vec<_> = pins.into_iter().map(|pin| (pin.name, pin.path, pin.expires)).collect();
    assert_eq!(pins, [("a".to_owned(), path(2), None), ("b".to_owned(), path(3), None)]);
    assert_eq!(catalog.pins(other.id).await.unwrap(), []);
    assert!(!catalog.unpin(other.id, "a").await.unwrap());
    assert!(catalog.unpin(cache.id, "a").await.unwrap());
    assert!(!catalog.unpin(cache.id, "a").await.unwrap());
}

/// It is as if it had never been there.
pub async fn an_expired_pin_is_gone(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    catalog.pin(cache.id, "short", &path(1), Some(LEASE)).await.unwrap();
    catalog.pin(cache.id, "long", &path(1), Some(4 * LEASE)).await.unwrap();
    assert_eq!(catalog.pins(cache.id).await.unwrap().len(), 2);
    house.clock.advance(LATER);
    let pins = catalog.pins(cache.id).await.unwrap();
    assert_eq!(pins.iter().map(|pin| pin.name.as_str()).collect::<Vec<_>>(), ["long"]);
    assert_eq!(pins[0].expires.map(|time| time.0 - pins[0].created.0), Some(4 * LEASE.as_millis() as i64));
    assert!(!catalog.unpin(cache.id, "short").await.unwrap());
}
