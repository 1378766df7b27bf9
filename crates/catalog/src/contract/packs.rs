//! Packs and the chunk index.

use std::time::Duration;

use snowbank_cas::id::{ObjectHash, PackId};

use super::House;
use super::fixtures::{LATER, LEASE, chunk, domain, frame, frames, page, recipe, recoded_entry, repo, store};
use crate::rooms::PageAdded;

const GRACE: Duration = Duration::from_secs(300);

fn hash(number: u64) -> ObjectHash {
    ObjectHash::of(&number.to_le_bytes())
}

/// Not before.
pub async fn a_pack_is_found_once_it_is_stored(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let pack = catalog.begin_pack(domain, LEASE).await.unwrap();
    assert_eq!(catalog.pack(pack).await.unwrap(), None);
    assert_eq!(catalog.find_chunks(domain, &[chunk(1)]).await.unwrap(), [None]);
    assert!(catalog.pack_stored(pack, hash(1), 1000, &frames(0..3, pack)).await.unwrap());

    let found = catalog.pack(pack).await.unwrap().unwrap();
    assert_eq!((found.id, found.domain, found.hash, found.size), (pack, domain, hash(1), 1000));
    assert!(!found.condemned);
    assert_eq!(catalog.pack_bytes().await.unwrap(), 1000);
    let asked = [chunk(2), chunk(9), chunk(0), chunk(2)];
    let expected = [Some(frame(2, pack, 2)), None, Some(frame(0, pack, 0)), Some(frame(2, pack, 2))];
    assert_eq!(catalog.find_chunks(domain, &asked).await.unwrap(), expected);
    assert_eq!(catalog.find_chunks(domain, &[]).await.unwrap(), []);
    assert!(!catalog.pack_stored(pack, hash(2), 5, &[]).await.unwrap(), "it is stored already");
}

/// And within one pack the last place counts.
pub async fn a_newer_place_replaces_an_older(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let elder = store(catalog, domain, [1, 2]).await;
    let newer = store(catalog, domain, [2, 3, 2]).await;
    let found = catalog.find_chunks(domain, &[chunk(1), chunk(2), chunk(3)]).await.unwrap();
    let expected = [frame(1, elder, 0), frame(2, newer, 2), frame(3, newer, 1)];
    assert_eq!(found, expected.map(Some));
}

/// Not even the same chunk.
pub async fn domains_do_not_share(house: &House) {
    let catalog = &*house.catalog;
    let own = domain(catalog).await;
    let other = catalog.repository("other/name", "other").await.unwrap().domain;
    let pack = store(catalog, own, [1]).await;
    assert_eq!(catalog.find_chunks(other, &[chunk(1)]).await.unwrap(), [None]);
    let theirs = store(catalog, other, [1]).await;
    assert_eq!(catalog.find_chunks(own, &[chunk(1)]).await.unwrap(), [Some(frame(1, pack, 0))]);
    assert_eq!(catalog.find_chunks(other, &[chunk(1)]).await.unwrap(), [Some(frame(1, theirs, 0))]);
}

/// Once it was told as abandoned, for its object may be gone.
pub async fn an_abandoned_pack_cannot_be_stored(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let slow = catalog.begin_pack(domain, LEASE).await.unwrap();
    assert_eq!(catalog.abandoned_packs().await.unwrap(), []);
    house.clock.advance(LATER);
    let fresh = catalog.begin_pack(domain, LEASE).await.unwrap();
    assert_eq!(catalog.abandoned_packs().await.unwrap(), [slow]);
    assert_eq!(catalog.abandoned_packs().await.unwrap(), [slow], "until it is forgotten");
    assert!(!catalog.pack_stored(slow, hash(1), 10, &frames(0..2, slow)).await.unwrap());
    assert_eq!(catalog.find_chunks(domain, &[chunk(0)]).await.unwrap(), [None]);
    assert_eq!(catalog.unknown_packs(&[slow]).await.unwrap(), []);
    catalog.forget_pack(slow).await.unwrap();
    assert_eq!(catalog.abandoned_packs().await.unwrap(), []);
    assert_eq!(catalog.unknown_packs(&[slow]).await.unwrap(), [slow]);
    catalog.forget_pack(fresh).await.unwrap();
    assert!(catalog.pack_stored(fresh, hash(2), 10, &[]).await.unwrap(), "only what is to go is forgotten");
}

/// And nothing does once it has run out.
pub async fn a_lease_protects_from_collection(house: &House) {
    let catalog = &*house.catalog;
    let pack = store(catalog, domain(catalog).await, [1]).await;
    assert_eq!(catalog.unreachable_packs().await.unwrap(), []);
    assert_eq!(catalog.condemn(&[pack]).await.unwrap(), []);
    house.clock.advance(LATER);
    let unreachable = catalog.unreachable_packs().await.unwrap();
    assert_eq!(unreachable, [catalog.pack(pack).await.unwrap().unwrap()]);
    assert_eq!(catalog.condemn(&[pack]).await.unwrap(), [pack]);
}

/// From look-ups and recipes; it is told once the grace is over, and forgotten for good.
pub async fn condemning_hides_a_pack(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let pack = store(catalog, domain, [1]).await;
    let recipe = catalog.begin_recipe(domain, LEASE * 10).await.unwrap();
    house.clock.advance(LATER);
    assert_eq!(catalog.condemn(&[pack, PackId(9999), PackId(u64::MAX)]).await.unwrap(), [pack]);
    assert_eq!(catalog.condemn(&[pack]).await.unwrap(), []);
    assert!(catalog.pack(pack).await.unwrap().unwrap().condemned);
    assert_eq!(catalog.find_chunks(domain, &[chunk(1)]).await.unwrap(), [None]);
    let refused = catalog.add_page(recipe, 0, &page(0, vec![frame(1, pack, 0)]), LEASE).await.unwrap();
    assert_eq!(refused, PageAdded::NotLive(vec![pack]));
    assert_eq!(catalog.unreachable_packs().await.unwrap(), []);

    assert_eq!(catalog.condemned_since(GRACE).await.unwrap(), []);
    house.clock.advance(GRACE * 2);
    let due = catalog.condemned_since(GRACE).await.unwrap();
    assert_eq!(due, [catalog.pack(pack).await.unwrap().unwrap()]);
    catalog.forget_pack(pack).await.unwrap();
    assert_eq!(catalog.pack(pack).await.unwrap(), None);
    assert_eq!(catalog.pack_bytes().await.unwrap(), 0);
    assert!(catalog.begin_pack(domain, LEASE).await.unwrap() > pack, "no number comes twice");
}

/// Be it named by a recipe under construction alone.
pub async fn a_named_pack_is_not_condemned(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let named = store(catalog, domain, [1]).await;
    let free = store(catalog, domain, [2]).await;
    recipe(catalog, domain, &[named]).await;
    house.clock.advance(LATER);
    let unreachable = catalog.unreachable_packs().await.unwrap();
    assert_eq!(unreachable.iter().map(|pack| pack.id).collect::<Vec<_>>(), [free]);
    assert_eq!(catalog.condemn(&[named, free]).await.unwrap(), [free]);
    assert_eq!(catalog.find_chunks(domain, &[chunk(1)]).await.unwrap(), [Some(frame(1, named, 0))]);
}

/// But not those that another pack holds by now.
pub async fn chunks_can_be_forgotten(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let elder = store(catalog, domain, [1, 2, 3]).await;
    let newer = store(catalog, domain, [2]).await;
    catalog.forget_chunks(elder, &[chunk(1), chunk(2), chunk(9)]).await.unwrap();
    let found = catalog.find_chunks(domain, &[chunk(1), chunk(2), chunk(3)]).await.unwrap();
    assert_eq!(found, [None, Some(frame(2, newer, 0)), Some(frame(3, elder, 2))]);
}

/// Unless it is condemned.
pub async fn a_pack_can_be_indexed_anew(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let pack = store(catalog, domain, [1, 2]).await;
    catalog.reindex(pack, &frames([2, 3], pack)).await.unwrap();
    let found = catalog.find_chunks(domain, &[chunk(1), chunk(2), chunk(3)]).await.unwrap();
    assert_eq!(found, [None, Some(frame(2, pack, 0)), Some(frame(3, pack, 1))]);
    house.clock.advance(LATER);
    catalog.condemn(&[pack]).await.unwrap();
    catalog.reindex(pack, &frames([2], pack)).await.unwrap();
    assert_eq!(catalog.find_chunks(domain, &[chunk(2)]).await.unwrap(), [None]);
}

/// 4096 frames go in and are found together.
pub async fn a_full_pack_is_one_statement(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let pack = store(catalog, domain, 0..4096).await;
    let asked: Vec<_> = (0..4096).rev().map(chunk).collect();
    let found = catalog.find_chunks(domain, &asked).await.unwrap();
    for (number, found) in (0..4096).rev().zip(found) {
        assert_eq!(found, Some(frame(number, pack, number)));
    }
}

/// Whatever their state.
pub async fn unknown_packs_have_no_row(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let stored = store(catalog, domain, [1]).await;
    let begun = catalog.begin_pack(domain, LEASE).await.unwrap();
    let asked = [PackId(9999), stored, PackId(u64::MAX), begun];
    assert_eq!(catalog.unknown_packs(&asked).await.unwrap(), [PackId(9999), PackId(u64::MAX)]);
}

/// Recipes once each, however many of their pages name it.
pub async fn who_names_a_pack_is_counted(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let both = store(catalog, domain, [1]).await;
    let one = store(catalog, domain, [2]).await;
    let none = store(catalog, domain, [3]).await;
    let (entry, _) = recoded_entry(catalog, repo(catalog).await, "a", &[both, one]).await;
    let second = catalog.begin_recipe(domain, LEASE).await.unwrap();
    for number in 0..2 {
        catalog.add_page(second, number, &page(number, vec![frame(1, both, 0)]), LEASE).await.unwrap();
    }
    assert_eq!(catalog.referrers(&[none, both, one, both]).await.unwrap(), [0, 2, 1, 2]);
    assert_eq!(catalog.packs_of(entry).await.unwrap(), [(both, 1000), (one, 1000)]);
    assert_eq!(catalog.packs_of(crate::ids::EntryId(9999)).await.unwrap(), []);
}

/// Live and condemned ones, by number.
pub async fn packs_come_in_pages(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let a = store(catalog, domain, [1]).await;
    house.clock.advance(LATER);
    catalog.condemn(&[a]).await.unwrap();
    catalog.begin_pack(domain, LEASE).await.unwrap();
    let b = store(catalog, domain, [2]).await;
    let c = store(catalog, domain, [3]).await;
    let first = catalog.packs(None, 2).await.unwrap();
    assert_eq!(
        first.iter().map(|pack| (pack.id, pack.condemned)).collect::<Vec<_>>(),
        [(a, true), (b, false)]
    );
    let second = catalog.packs(Some(b), 2).await.unwrap();
    assert_eq!(second.iter().map(|pack| pack.id).collect::<Vec<_>>(), [c]);
    assert_eq!(catalog.packs(Some(PackId(u64::MAX)), 2).await.unwrap(), []);
}
