//! Parcels.

use snowbank_cas::id::ObjectHash;

use super::House;
use super::fixtures::{LATER, recipe, store};
use super::nix_fixtures::{PLAIN, PULL, PUSHER, cache, fresh_recipe};
use crate::rooms::{Parcel, Sender};

fn hash(number: u8) -> ObjectHash {
    ObjectHash::of(&[number])
}

/// Of a cache, a view and a pusher, the newest first.
pub async fn a_parcel_is_its_senders(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let other = catalog.cache("other", "owner").await.unwrap();
    let from = Sender { cache: cache.id, view: PLAIN, pusher: PUSHER };
    let (one, two) = (fresh_recipe(catalog, &cache).await, fresh_recipe(catalog, &cache).await);
    assert!(catalog.keep_parcel(from, &hash(1), one).await.unwrap());
    assert!(catalog.keep_parcel(from, &hash(2), two).await.unwrap());
    let (one, two) = (Parcel { hash: hash(1), recipe: one }, Parcel { hash: hash(2), recipe: two });
    assert_eq!(catalog.parcels(from, 10).await.unwrap(), [two, one]);
    assert_eq!(catalog.parcels(from, 1).await.unwrap(), [two]);
    assert_eq!(catalog.find_parcels(from, &[hash(1), hash(3)]).await.unwrap(), [one]);
    for nobody in [
        Sender { cache: other.id, ..from },
        Sender { view: PULL, ..from },
        Sender { pusher: "somebody else", ..from },
    ] {
        assert_eq!(catalog.parcels(nobody, 10).await.unwrap(), []);
        assert_eq!(catalog.find_parcels(nobody, &[hash(1)]).await.unwrap(), []);
    }
}

/// The same pack again: the older recipe is nobody's.
pub async fn a_parcel_is_replaced(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let from = Sender { cache: cache.id, view: PLAIN, pusher: PUSHER };
    let (old, new) = (fresh_recipe(catalog, &cache).await, fresh_recipe(catalog, &cache).await);
    for recipe in [old, old, new] {
        assert!(catalog.keep_parcel(from, &hash(1), recipe).await.unwrap());
    }
    assert_eq!(catalog.parcels(from, 10).await.unwrap(), [Parcel { hash: hash(1), recipe: new }]);
}

/// It goes with its recipe, and a recipe that was swept makes none.
pub async fn a_parcel_lasts_as_long_as_its_lease(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let from = Sender { cache: cache.id, view: PLAIN, pusher: PUSHER };
    let recipe = fresh_recipe(catalog, &cache).await;
    assert!(catalog.keep_parcel(from, &hash(1), recipe).await.unwrap());
    house.clock.advance(LATER);
    assert_eq!(catalog.parcels(from, 10).await.unwrap(), []);
    assert_eq!(catalog.find_parcels(from, &[hash(1)]).await.unwrap(), []);
    assert!(!catalog.keep_parcel(from, &hash(1), recipe).await.unwrap());
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 1);
    assert!(!catalog.keep_parcel(from, &hash(2), recipe).await.unwrap());
}

/// Chunks are not handed on between owners.
pub async fn another_domains_recipe_makes_no_parcel(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let from = Sender { cache: cache.id, view: PLAIN, pusher: PUSHER };
    let foreign = catalog.repository("stranger/name", "stranger").await.unwrap().domain;
    let pack = store(catalog, foreign, [1]).await;
    let recipe = recipe(catalog, foreign, &[pack]).await;
    assert!(!catalog.keep_parcel(from, &hash(1), recipe).await.unwrap());
}
