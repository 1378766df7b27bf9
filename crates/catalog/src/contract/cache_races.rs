//! Several tasks at once on both handles, on binary caches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use snowbank_cas::id::PackId;
use snowbank_nix::path_info::PathInfo;

use super::House;
use super::fixtures::{Dice, LATER, LEASE};
use super::nix_fixtures::{
    PLAIN, add, cache, fresh_recipe, info, nar_hash, new_nar, part, publish, push, seen_from, signed, stage,
    sweep,
};
use crate::Catalog;
use crate::ids::PathId;
use crate::rooms::{Cache, KeptNar, Published};

/// One of them is the first; all get the same row, and one recipe is left.
pub async fn many_keep_one_nar(house: &House) {
    let cache = cache(&*house.catalog).await;
    let mut tasks = Vec::new();
    for number in 0..8 {
        let catalog = house.handle(number);
        let new = new_nar(fresh_recipe(&*catalog, &cache).await, 1);
        // Half of them under one name.
        let stage =
            stage(cache.id, PLAIN, if number < 4 { "same" } else { ["a", "b", "c", "d"][number - 4] });
        tasks.push(tokio::spawn(async move { catalog.keep_nar(&stage, &new, None, LEASE).await.unwrap() }));
    }
    let (mut made, mut known) = (Vec::new(), Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            KeptNar::New(nar) => made.push(nar),
            KeptNar::Known(nar) => known.push(nar),
            KeptNar::Gone => panic!("no lease ran out"),
        }
    }
    assert_eq!((made.len(), known.len()), (1, 7));
    assert!(known.iter().all(|nar| nar == &made[0]));
    house.clock.advance(LATER);
    assert_eq!(house.catalog.sweep_recipes().await.unwrap(), 0, "the others were dropped");
}

/// Each path is added by one of them, and every signature is there.
pub async fn many_publish_the_same_paths(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    for number in 0..10 {
        push(catalog, &cache, PLAIN, number).await;
    }
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let (catalog, cache) = (house.handle(number), cache.clone());
            tokio::spawn(async move {
                let mut infos: Vec<_> = (0..10).map(|path| signed(info(path, &[]))).collect();
                if number % 3 == 0 {
                    infos.reverse();
                }
                match publish(&*catalog, &cache, PLAIN, infos).await {
                    Published::Done { added } => added,
                    refused => panic!("{refused:?}"),
                }
            })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += task.await.unwrap();
    }
    assert_eq!(added, 10);
    let path = catalog.path(cache.id, &seen_from(PLAIN), part(3)).await.unwrap().unwrap();
    assert_eq!(path.info.signatures.len(), 8);
}

/// Exactly one of the two gets its way: no visible path refers to one that is gone.
pub async fn relying_on_a_path_and_deleting_it(house: &House) {
    let cache = cache(&*house.catalog).await;
    for round in 0..40 {
        let (old, new) = (2 * round + 1, 2 * round + 2);
        let relied_on = add(&*house.catalog, &cache, PLAIN, info(old, &[]), old).await;
        push(&*house.catalog, &cache, PLAIN, new).await;
        let since = relied_on.used;
        // So that the times of use can tell the one from the other.
        house.clock.advance(LATER / 1000);
        let (publisher, retention) = (house.handle(0), house.handle(0));
        let theirs = cache.clone();
        let publishing =
            tokio::spawn(async move { publish(&*publisher, &theirs, PLAIN, [info(new, &[old])]).await });
        let deleting =
            tokio::spawn(async move { retention.delete_paths(&[relied_on.id], Some(since)).await.unwrap() });
        match (publishing.await.unwrap(), deleting.await.unwrap()) {
            (Published::Done { added: 1 }, 0) | (Published::Refused { .. }, 1) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Pushing, publishing, deleting and sweeping: what is visible has its NAR, a NAR has its recipe, and in the end all
/// goes.
pub async fn caches_in_use_while_they_are_swept(house: &House) {
    let catalog = &*house.catalog;
    let caches = [cache(catalog).await, catalog.cache("sibling", "owner").await.unwrap()];
    let done = Arc::new(AtomicBool::new(false));
    let mut helpers = Vec::new();
    for number in 0..2 {
        let (catalog, over, caches) = (house.handle(number), Arc::clone(&done), caches.clone());
        helpers.push(tokio::spawn(async move {
            let mut dice = Dice(50 + number as u64);
            while !over.load(Ordering::SeqCst) {
                catalog.sweep_nars(1 + dice.roll(4)).await.unwrap();
                let cache = &caches[dice.roll(2) as usize];
                let rows = catalog.walk_paths(cache.id, None, 100).await.unwrap();
                let going: Vec<PathId> =
                    rows.iter().filter(|_| dice.roll(3) == 0).map(|row| row.id).collect();
                catalog.delete_paths(&going, None).await.unwrap();
                assert_whole(&*catalog, cache).await;
            }
        }));
    }
    let writers: Vec<_> = (0..4)
        .map(|number| {
            let (catalog, caches) = (house.handle(number), caches.clone());
            tokio::spawn(async move { write(&*catalog, &caches, number as u64).await })
        })
        .collect();
    let mut published = 0;
    for writer in writers {
        published += writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    for helper in helpers {
        helper.await.unwrap();
    }
    assert!(published > 0, "some publication came to its end");
    for cache in &caches {
        assert_whole(catalog, cache).await;
        let rows = catalog.walk_paths(cache.id, None, 1000).await.unwrap();
        let all: Vec<PathId> = rows.iter().map(|row| row.id).collect();
        catalog.delete_paths(&all, None).await.unwrap();
    }
    house.clock.advance(LATER);
    sweep(catalog).await;
    assert_eq!(catalog.walk_nars(None, 10).await.unwrap(), []);
    house.clock.advance(6 * LATER);
    catalog.sweep_recipes().await.unwrap();
    assert_eq!(catalog.pages_of(&all_packs(catalog).await, None, 10).await.unwrap(), []);
}

/// Pushes and publishes one of a few NARs again and again; every third one's lease runs out at once.
async fn write(catalog: &dyn Catalog, caches: &[Cache], seed: u64) -> u64 {
    let mut dice = Dice(seed);
    let mut published = 0;
    for round in 0..25 {
        let number = dice.roll(6) as u32;
        let cache = &caches[dice.roll(2) as usize];
        let new = new_nar(fresh_recipe(catalog, cache).await, number);
        let place = stage(cache.id, PLAIN, &dice.roll(4).to_string());
        let lease = if round % 3 == 0 { Duration::ZERO } else { LEASE };
        catalog.keep_nar(&place, &new, None, lease).await.unwrap();
        let path = dice.roll(12) as u32;
        let info = PathInfo { nar_hash: nar_hash(number), ..info(path, &[]) };
        if let Published::Done { added } = publish(catalog, cache, PLAIN, [info]).await {
            published += added;
        }
    }
    published
}

async fn assert_whole(catalog: &dyn Catalog, cache: &Cache) {
    for row in catalog.walk_paths(cache.id, None, 100).await.unwrap() {
        let views = seen_from(PLAIN);
        let Some(path) = catalog.path(cache.id, &views, row.hash_part).await.unwrap() else { continue };
        let place = path.nar.expect("what was pushed has its NAR");
        if catalog.page(place.recipe, 0).await.unwrap().is_none() {
            // It may have been deleted and swept since.
            let still = catalog.path(cache.id, &views, row.hash_part).await.unwrap();
            assert_ne!(still.and_then(|path| path.nar), Some(place), "its recipe is lost");
        }
    }
}

async fn all_packs(catalog: &dyn Catalog) -> Vec<PackId> {
    catalog.packs(None, 10_000).await.unwrap().into_iter().map(|pack| pack.id).collect()
}
