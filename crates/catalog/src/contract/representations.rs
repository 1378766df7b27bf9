//! Forms of entries, and objects that are to go.

use std::time::Duration;

use snowbank_cas::id::PackId;

use super::House;
use super::fixtures::{
    GONE, LATER, LEASE, block, claim_of, domain, doomed, granted, raw_of, recipe, recoded, recoded_entry,
    repo, save, save_sized, slot, store,
};
use crate::ids::{RecipeId, RepresentationId};
use crate::rooms::{Measure, Source};

const HOUR: Duration = Duration::from_secs(3600);

/// And lasts at least as long as was asked.
pub async fn a_hold_never_shortens(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let entry = save(catalog, repo, &slot("a")).await;
    let raw = raw_of(catalog, entry).await;
    let now = catalog.now().await.unwrap().0;
    let long = catalog.hold(raw, HOUR * 6).await.unwrap().unwrap();
    assert!(long.0 >= now + 6 * 3_600_000);
    assert!(catalog.hold(raw, HOUR).await.unwrap().unwrap() >= long);
    assert!(catalog.representation(raw).await.unwrap().unwrap().held_until >= long);
    house.clock.advance(HOUR * 5);
    let now = catalog.now().await.unwrap().0;
    assert!(catalog.hold(raw, HOUR * 6).await.unwrap().unwrap().0 >= now + 6 * 3_600_000);
    assert_eq!(catalog.hold(RepresentationId(9999), HOUR).await.unwrap(), None);
}

/// And can be held longer even then.
pub async fn a_retired_one_stays_while_held(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let entry = save(catalog, repo, &slot("a")).await;
    let raw = raw_of(catalog, entry).await;
    assert_eq!(catalog.sweep_retired(10).await.unwrap(), 0, "it is not retired");
    catalog.hold(raw, HOUR).await.unwrap();
    catalog.delete(&[entry], GONE).await.unwrap();
    assert_eq!(catalog.sweep_retired(10).await.unwrap(), 0, "it is held");
    catalog.hold(raw, HOUR * 3).await.unwrap();
    house.clock.advance(HOUR * 2);
    assert_eq!(catalog.sweep_retired(10).await.unwrap(), 0, "it is held again");
    assert_eq!(catalog.segments(raw).await.unwrap().len(), 1);
    house.clock.advance(HOUR * 2);
    assert_eq!(catalog.sweep_retired(10).await.unwrap(), 1);
    assert_eq!(catalog.representation(raw).await.unwrap(), None);
    assert_eq!(catalog.hold(raw, HOUR).await.unwrap(), None);
}

/// Which can then be forgotten.
pub async fn sweeping_dooms_its_blocks(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let mut entries = Vec::new();
    for key in ["a", "b", "c"] {
        entries.push(save(catalog, repo, &slot(key)).await);
    }
    catalog.delete(&entries, GONE).await.unwrap();
    assert_eq!(catalog.sweep_retired(2).await.unwrap(), 2);
    assert_eq!(catalog.sweep_retired(2).await.unwrap(), 1);
    assert_eq!(doomed(catalog).await.len(), 3);
    let some = catalog.doomed(2).await.unwrap();
    assert_eq!(some.len(), 2);
    let ids: Vec<i64> = some.iter().map(|doomed| doomed.id).collect();
    catalog.forget_doomed(&ids).await.unwrap();
    let rest = catalog.doomed(10).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert!(!ids.contains(&rest[0].id));
}

/// Each is swept once, and its block is doomed once.
pub async fn two_sweeps_share_the_work(house: &House) {
    let repo = repo(&*house.catalog).await;
    let mut entries = Vec::new();
    for number in 0..24 {
        entries.push(save(&*house.catalog, repo, &slot(&format!("{number}"))).await);
    }
    house.catalog.delete(&entries, GONE).await.unwrap();
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let catalog = house.handle(number);
            tokio::spawn(async move {
                let mut swept = 0;
                loop {
                    let now = catalog.sweep_retired(3).await.unwrap();
                    swept += now;
                    if now == 0 {
                        return swept;
                    }
                }
            })
        })
        .collect();
    let mut swept = 0;
    for task in tasks {
        swept += task.await.unwrap();
    }
    assert_eq!(swept + house.catalog.sweep_retired(100).await.unwrap(), 24);
    let doomed = doomed(&*house.catalog).await;
    assert_eq!(doomed.len(), 24);
    assert!(doomed.windows(2).all(|pair| pair[0] != pair[1]));
}

/// Not those of uploads that run, of forms, or that are doomed already.
pub async fn blocks_without_a_name_are_told(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let entry = save(catalog, repo, &slot("a")).await;
    let served = catalog.segments(raw_of(catalog, entry).await).await.unwrap().remove(0).object;
    let expired = granted(catalog, repo, &slot("b")).await;
    let of_expired = format!("uploads/{expired}/one");
    catalog.add_block(expired, &block("one", &of_expired, 1), LEASE).await.unwrap();
    let abandoned = granted(catalog, repo, &slot("c")).await;
    let of_abandoned = format!("uploads/{abandoned}/one");
    catalog.add_block(abandoned, &block("one", &of_abandoned, 1), LEASE).await.unwrap();
    catalog.abandon(abandoned).await.unwrap();
    house.clock.advance(LATER);
    let running = granted(catalog, repo, &slot("d")).await;
    let under_way = format!("uploads/{running}/not yet recorded");

    let never = ["uploads/9999/x", "uploads/x/y", "uploads/", "else", "uploads/-1/x"].map(str::to_owned);
    let mut asked = never.to_vec();
    asked.extend([served, of_expired.clone(), of_abandoned, under_way]);
    let mut unnamed = catalog.unnamed_blocks(&asked).await.unwrap();
    unnamed.sort();
    let mut expected = never.to_vec();
    expected.push(of_expired);
    expected.sort();
    assert_eq!(unnamed, expected);
    assert_eq!(catalog.unnamed_blocks(&[]).await.unwrap(), [""; 0]);
}

/// From the first block to the deletion of the object.
pub async fn raw_bytes_are_counted(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    assert_eq!(catalog.raw_bytes().await.unwrap(), 0);
    let upload = granted(catalog, repo, &slot("a")).await;
    catalog.add_block(upload, &block("one", "uploads/x/one", 5), LEASE).await.unwrap();
    let entry = save_sized(catalog, repo, &slot("b"), 7).await;
    assert_eq!(catalog.raw_bytes().await.unwrap(), 12);
    assert_eq!(catalog.staying_bytes().await.unwrap(), 12);
    catalog.delete(&[entry], GONE).await.unwrap();
    assert_eq!(catalog.staying_bytes().await.unwrap(), 5);
    catalog.abandon(upload).await.unwrap();
    assert_eq!(catalog.staying_bytes().await.unwrap(), 0);
    catalog.sweep_retired(10).await.unwrap();
    assert_eq!(catalog.raw_bytes().await.unwrap(), 12);
    let ids: Vec<i64> = catalog.doomed(10).await.unwrap().iter().map(|doomed| doomed.id).collect();
    catalog.forget_doomed(&ids).await.unwrap();
    assert_eq!(catalog.raw_bytes().await.unwrap(), 0);
}

/// Together with its pages, and its packs are reachable no more.
pub async fn a_recipe_goes_with_its_last_name(house: &House) {
    let catalog = &*house.catalog;
    let one = catalog.repository("owner/name", "owner").await.unwrap();
    let pack = store(catalog, one.domain, 0..3).await;
    let (entry, recipe) = recoded_entry(catalog, one.id, "a", &[pack]).await;
    let form = catalog.current(entry).await.unwrap().unwrap();
    catalog.hold(form.id, HOUR).await.unwrap();
    assert_eq!(catalog.sweep_retired(10).await.unwrap(), 1, "the raw form");
    catalog.delete(&[entry], GONE).await.unwrap();
    house.clock.advance(LATER);
    assert_eq!(catalog.sweep_retired(10).await.unwrap(), 0, "the recoded form is held");
    assert_eq!(catalog.unreachable_packs().await.unwrap(), []);
    assert!(catalog.page_at(recipe, Measure::Raw, 0).await.unwrap().is_some());
    house.clock.advance(HOUR * 2);
    assert_eq!(catalog.sweep_retired(10).await.unwrap(), 1);
    assert_eq!(catalog.page_at(recipe, Measure::Raw, 0).await.unwrap(), None);
    let unreachable = catalog.unreachable_packs().await.unwrap();
    assert_eq!(unreachable.len(), 1);
    assert_eq!(unreachable[0].id, pack);
}

/// While it is visible.
pub async fn an_entry_is_found_by_what_it_is_served_from(house: &House) {
    let catalog = &*house.catalog;
    let (repo, domain) = (repo(catalog).await, domain(catalog).await);
    let (pack, own) = (store(catalog, domain, [1]).await, store(catalog, domain, [2]).await);
    let (a, of_a) = recoded_entry(catalog, repo, "a", &[pack]).await;
    let (b, of_b) = recoded_entry(catalog, repo, "b", &[pack]).await;
    let whole = save(catalog, repo, &slot("c")).await;
    let raw = raw_of(catalog, whole).await;
    let claim = claim_of(catalog, raw).await;
    assert!(catalog.swap(&claim, raw, &recoded(Source::Pack(own))).await.unwrap());
    let unfinished = recipe(catalog, domain, &[pack]).await;

    let asked = [of_b, unfinished, RecipeId(9999), of_a];
    assert_eq!(catalog.served_from(&asked).await.unwrap(), [(of_a, a), (of_b, b)]);
    assert_eq!(catalog.served_from(&[]).await.unwrap(), []);
    assert_eq!(catalog.served_whole(&[pack, own, PackId(u64::MAX)]).await.unwrap(), [(own, whole)]);
    catalog.delete(&[a, whole], GONE).await.unwrap();
    assert_eq!(catalog.served_from(&asked).await.unwrap(), [(of_b, b)]);
    assert_eq!(catalog.served_whole(&[pack, own]).await.unwrap(), []);
}
