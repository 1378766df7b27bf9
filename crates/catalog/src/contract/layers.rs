//! What is known of layers of images.

use std::collections::BTreeSet;

use super::House;
use super::fixtures::{LATER, LEASE};
use super::nix_fixtures::{PLAIN, PULL, cache, seen_from};
use crate::Catalog;
use crate::ids::CacheId;
use crate::rooms::{Layer, LayerCompression, LayerKey};

/// More than any test notes.
const MANY: u64 = 1000;

fn key(number: u8) -> LayerKey {
    [number; 32]
}

/// Layer `number`, made so that it can be told from others of its key.
fn layer(number: u8, size: u64) -> Layer {
    Layer {
        key: key(number),
        diff_id: [number ^ 0xff; 32],
        diff_size: number.is_multiple_of(2).then_some(size * 3),
        digest: [size as u8; 32],
        size,
        compression: [LayerCompression::None, LayerCompression::Gzip, LayerCompression::Zstd]
            [usize::from(number % 3)],
    }
}

/// Which of the layers 1 to 9 readers of a view know.
async fn known(catalog: &dyn Catalog, cache: CacheId, view: &str) -> BTreeSet<u8> {
    let keys: Vec<LayerKey> = (1..10).map(key).collect();
    let found = catalog.layers(cache, &seen_from(view), &keys).await.unwrap();
    found.iter().map(|known| known.layer.key[0]).collect()
}

/// Every field; and nothing of what was not asked for, of other caches, or of other views.
pub async fn a_layer_comes_back_as_it_was_noted(house: &House) {
    let catalog = &*house.catalog;
    let (cache, other) = (cache(catalog).await.id, catalog.cache("other", "owner").await.unwrap().id);
    let layers: Vec<Layer> = (1..7).map(|number| layer(number, u64::from(number) << 40)).collect();
    catalog.keep_layers(cache, PLAIN, &layers, MANY).await.unwrap();
    let mut found =
        catalog.layers(cache, &seen_from(PLAIN), &[key(3), key(2), key(9), key(2)]).await.unwrap();
    found.sort_by_key(|known| known.layer.key);
    let found: Vec<Layer> = found.into_iter().map(|known| known.layer).collect();
    assert_eq!(found, layers[1..3]);
    assert_eq!(known(catalog, cache, PULL).await, (1..7).collect());
    assert_eq!(known(catalog, other, PLAIN).await, [].into());
    assert_eq!(catalog.layers(cache, &[], &[key(1)]).await.unwrap(), []);
    assert_eq!(catalog.layers(cache, &seen_from(PLAIN), &[]).await.unwrap(), []);
    catalog.keep_layers(cache, PLAIN, &[], MANY).await.unwrap();
}

/// In its own view alone; readers of a view get its own before the cache's.
pub async fn a_view_replaces_its_own_layers_only(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await.id;
    let size = async |view: &str| {
        let found = catalog.layers(cache, &seen_from(view), &[key(1)]).await.unwrap();
        assert!(found.len() < 2);
        found.first().map(|known| known.layer.size)
    };
    catalog.keep_layers(cache, PULL, &[layer(1, 7)], MANY).await.unwrap();
    assert_eq!((size(PULL).await, size(PLAIN).await), (Some(7), None));
    catalog.keep_layers(cache, PLAIN, &[layer(1, 4), layer(1, 5)], MANY).await.unwrap();
    assert_eq!(
        (size(PULL).await, size(PLAIN).await),
        (Some(7), Some(5)),
        "of two with one key the last counts"
    );
    catalog.keep_layers(cache, PLAIN, &[layer(1, 6)], MANY).await.unwrap();
    assert_eq!((size(PULL).await, size(PLAIN).await), (Some(7), Some(6)));
}

/// By their last use.
pub async fn unused_layers_are_swept(house: &House) {
    let catalog = &*house.catalog;
    let (cache, other) = (cache(catalog).await.id, catalog.cache("other", "owner").await.unwrap().id);
    for cache in [cache, other] {
        catalog.keep_layers(cache, PLAIN, &[layer(1, 1), layer(2, 1)], MANY).await.unwrap();
    }
    let before = catalog.layers(cache, &seen_from(PLAIN), &[key(2)]).await.unwrap()[0].used;
    house.clock.advance(LATER);
    catalog.touch_layers(cache, &seen_from(PLAIN), &[key(2), key(9)]).await.unwrap();
    catalog.touch_layers(cache, &seen_from(PLAIN), &[]).await.unwrap();
    let after = catalog.layers(cache, &seen_from(PLAIN), &[key(2)]).await.unwrap()[0].used;
    assert!(after.0 - before.0 >= LATER.as_millis() as i64);
    assert_eq!(catalog.sweep_layers(cache, LEASE).await.unwrap(), 1);
    assert_eq!(catalog.sweep_layers(cache, LEASE).await.unwrap(), 0);
    assert_eq!(known(catalog, cache, PLAIN).await, [2].into());
    assert_eq!(known(catalog, other, PLAIN).await, [1, 2].into());
}

/// The longest unused; and however many a view adds, none of the cache itself.
pub async fn too_many_layers_crowd_each_other_out(house: &House) {
    let catalog = &*house.catalog;
    let (cache, other) = (cache(catalog).await.id, catalog.cache("other", "owner").await.unwrap().id);
    catalog.keep_layers(other, PLAIN, &[layer(1, 1)], 1).await.unwrap();
    for (view, number) in [(PLAIN, 1), (PULL, 2), (PLAIN, 3)] {
        catalog.keep_layers(cache, view, &[layer(number, 1)], MANY).await.unwrap();
        house.clock.advance(LEASE);
    }
    catalog.keep_layers(cache, PULL, &[layer(4, 1)], 3).await.unwrap();
    assert_eq!(known(catalog, cache, PULL).await, [1, 3, 4].into());
    house.clock.advance(LEASE);
    catalog.keep_layers(cache, PULL, &[layer(5, 1), layer(6, 1), layer(7, 1)], 3).await.unwrap();
    let left = known(catalog, cache, PULL).await;
    assert!(left.len() == 3 && left.is_superset(&[1, 3].into()), "{left:?}");
    catalog.keep_layers(cache, PLAIN, &[layer(8, 1), layer(9, 1)], 3).await.unwrap();
    assert_eq!(known(catalog, cache, PLAIN).await, [3, 8, 9].into());
    assert_eq!(known(catalog, other, PLAIN).await, [1].into());
}

/// The same keys in other orders.
pub async fn many_note_the_same_layers_at_once(house: &House) {
    let cache = cache(&*house.catalog).await.id;
    let tasks: Vec<_> = (0..8_u64)
        .map(|at| {
            let catalog = house.handle(at as usize);
            tokio::spawn(async move {
                let mut layers: Vec<Layer> = (1..10).map(|number| layer(number, at)).collect();
                if at.is_multiple_of(2) {
                    layers.reverse();
                }
                catalog.keep_layers(cache, PLAIN, &layers, MANY).await.unwrap();
                catalog.touch_layers(cache, &seen_from(PLAIN), &[key(9), key(1)]).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(known(&*house.catalog, cache, PLAIN).await, (1..10).collect());
}
