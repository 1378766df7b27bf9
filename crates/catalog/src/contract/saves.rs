//! Saves that were noted.

use std::time::Duration;

use super::House;
use super::fixtures::{
    GONE, LEASE, block, claim_of, domain, granted, raw_of, recipe, recoded, repo, save, slot, store,
};
use crate::ids::{EntryId, RepoId};
use crate::rooms::{EventFilter, Fate, Parts, Restores, Save, Source};

async fn saves(house: &House, repo: RepoId, parts: bool) -> Vec<Save> {
    let filter = EventFilter { repo: Some(repo), limit: 100, ..EventFilter::default() };
    house.catalog.saves(&filter, parts).await.unwrap()
}

/// From its reservation to its end, and it outlives the entry.
pub async fn a_save_is_noted_with_its_entry(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let upload = granted(catalog, repo, &slot("k")).await;
    let begun = catalog.upload(upload).await.unwrap().unwrap().created;
    house.clock.advance(Duration::from_secs(60));
    catalog.replace_content(upload, Some(&block("one", "o", 10)), LEASE).await.unwrap();
    catalog.finalize(repo, &slot("k"), 9).await.unwrap();
    assert_eq!(saves(house, repo, true).await, [], "what is refused is not saved");
    catalog.finalize(repo, &slot("k"), 10).await.unwrap();
    let found = saves(house, repo, false).await.remove(0);
    assert_eq!((&found.slot, found.size, found.added), (&slot("k"), 10, None));
    assert_eq!(found.begun, begun);
    assert!(found.finished.0 >= begun.0 + 60_000);
    assert_eq!((found.repository.as_str(), found.restores, found.part_of), ("owner/name", 0, None));
    catalog.delete(&[found.entry], GONE).await.unwrap();
    assert_eq!(saves(house, repo, false).await, [found]);
}

/// In the transaction that swaps.
pub async fn recoding_tells_what_was_new(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let entry = save(catalog, repo, &slot("k")).await;
    let raw = raw_of(catalog, entry).await;
    let domain = domain(catalog).await;
    let pack = store(catalog, domain, [1]).await;
    let recipe = recipe(catalog, domain, &[pack]).await;
    let claim = claim_of(catalog, raw).await;
    assert!(catalog.swap(&claim, raw, &recoded(Source::Frames(recipe))).await.unwrap());
    assert_eq!(saves(house, repo, false).await[0].added, Some(20));
    let fates = catalog.fates(&[entry, EntryId(999)]).await.unwrap();
    assert_eq!(fates, [Fate { entry, restores: 0, added: Some(20) }]);
    assert_eq!(catalog.fates(&[]).await.unwrap(), []);
}

/// Beside which they are not listed unless they are asked for.
pub async fn packs_belong_to_their_first_snapshot(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let mut entries = Vec::new();
    for key in ["pack-1", "pack-2", "K#1", "pack-3", "K#2"] {
        entries.push(save(catalog, repo, &slot(key)).await);
    }
    let (first, second) = (entries[2], entries[4]);
    catalog.note_parts(first, &entries[..2]).await.unwrap();
    catalog.note_parts(second, &[entries[1], entries[3], second, EntryId(9999)]).await.unwrap();
    catalog.note_parts(second, &[]).await.unwrap();

    let generations = saves(house, repo, false).await;
    let keys: Vec<_> = generations.iter().map(|save| save.slot.key.as_str()).collect();
    assert_eq!(keys, ["K#2", "K#1"]);
    let parts = |count| Parts { count, size: 10 * count, added: 0, pending: count, ..Parts::default() };
    assert_eq!(Parts { begun: None, ..generations[0].parts }, parts(1));
    assert_eq!(Parts { begun: None, ..generations[1].parts }, parts(2));
    assert!(generations[1].parts.begun.unwrap() <= generations[1].begun);
    let all = saves(house, repo, true).await;
    let owners: Vec<_> = all.iter().rev().map(|save| save.part_of).collect();
    assert_eq!(owners, [Some(first), Some(first), None, Some(second), None]);
    let series = EventFilter {
        repo: Some(repo),
        key_prefix: Some("K#".to_owned()),
        limit: 1,
        ..EventFilter::default()
    };
    assert_eq!(catalog.saves(&series, false).await.unwrap(), generations[..1]);
}

/// What is not known is passed over.
pub async fn uses_add_up(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let entry = save(catalog, repo, &slot("k")).await;
    let uses =
        |entry, found, timed, millis| Restores { entry, found, timed, took: Duration::from_millis(millis) };
    catalog.note_restores(&[uses(entry, 2, 1, 500), uses(EntryId(9999), 1, 0, 0)]).await.unwrap();
    catalog.note_restores(&[uses(entry, 1, 1, 700)]).await.unwrap();
    catalog.note_restores(&[]).await.unwrap();
    let save = saves(house, repo, false).await.remove(0);
    assert_eq!((save.restores, save.timed, save.restore_millis), (3, 2, 1200));
}
