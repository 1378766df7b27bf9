//! What a restore gets.

use std::collections::HashMap;

use super::House;
use super::fixtures::{Dice, GONE, raw_of, recoded_entry, repo, save, slot, store};
use crate::Catalog;
use crate::ids::{EntryId, RepoId};
use crate::rooms::{Slot, Source};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

async fn find(house: &House, repo: RepoId, scopes: &[&str], version: &str, keys: &[&str]) -> Option<EntryId> {
    let hit = house.catalog.lookup(repo, &texts(scopes), version, &texts(keys)).await.unwrap();
    hit.map(|hit| hit.entry.id)
}

const MAIN: &str = "refs/heads/main";

/// Even when the other is newer.
pub async fn exact_before_prefix(house: &House) {
    let repo = repo(&*house.catalog).await;
    let exact = save(&*house.catalog, repo, &slot("deps-1")).await;
    let longer = save(&*house.catalog, repo, &slot("deps-1-newer")).await;
    assert_eq!(find(house, repo, &[MAIN], "v1", &["deps-1"]).await, Some(exact));
    assert_eq!(find(house, repo, &[MAIN], "v1", &["deps-"]).await, Some(longer));
    assert_eq!(find(house, repo, &[MAIN], "v1", &[""]).await, Some(longer));
    assert_eq!(find(house, repo, &[MAIN], "v1", &["eps"]).await, None);
    assert_eq!(find(house, repo, &[], "v1", &["deps-1"]).await, None);
    assert_eq!(find(house, repo, &[MAIN], "v1", &[]).await, None);
    let other = house.catalog.repository("owner/other", "owner").await.unwrap().id;
    assert_eq!(find(house, other, &[MAIN], "v1", &["deps-1"]).await, None);
}

/// A prefix in an earlier one wins over an exact key in a later one.
pub async fn scopes_come_first(house: &House) {
    let repo = repo(&*house.catalog).await;
    let scoped = |scope: &str, key: &str| Slot { scope: scope.to_owned(), ..slot(key) };
    let main = save(&*house.catalog, repo, &scoped("main", "deps-1")).await;
    let branch = save(&*house.catalog, repo, &scoped("branch", "deps-1-old")).await;
    assert_eq!(find(house, repo, &["branch", "main"], "v1", &["deps-1"]).await, Some(branch));
    assert_eq!(find(house, repo, &["main", "branch"], "v1", &["deps-1"]).await, Some(main));
    assert_eq!(find(house, repo, &["main"], "v1", &["deps-1-o", "deps"]).await, Some(main));
    assert_eq!(find(house, repo, &["branch", "main"], "v1", &["x", "deps-1-", "deps-1"]).await, Some(branch));
}

/// A prefix of an earlier key wins over a later exact key.
pub async fn keys_come_in_order(house: &House) {
    let repo = repo(&*house.catalog).await;
    let b = save(&*house.catalog, repo, &slot("b")).await;
    let a = save(&*house.catalog, repo, &slot("a-old")).await;
    assert_eq!(find(house, repo, &[MAIN], "v1", &["a", "b"]).await, Some(a));
    assert_eq!(find(house, repo, &[MAIN], "v1", &["b", "a"]).await, Some(b));
    assert_eq!(find(house, repo, &[MAIN], "v1", &["x", "y", "b", "a"]).await, Some(b));
}

/// No prefixes there.
pub async fn versions_are_equal_or_nothing(house: &House) {
    let repo = repo(&*house.catalog).await;
    let entry = save(&*house.catalog, repo, &slot("a")).await;
    assert_eq!(find(house, repo, &[MAIN], "v1", &["a"]).await, Some(entry));
    for version in ["v", "v11", "V1", ""] {
        assert_eq!(find(house, repo, &[MAIN], version, &["a"]).await, None);
    }
}

/// `%`, `_` and case match themselves alone; the last of all characters ends no range too early.
pub async fn special_characters_are_plain(house: &House) {
    let repo = repo(&*house.catalog).await;
    let mut saved = HashMap::new();
    let keys = ["a%", "a_", "a#", "a/b", "ab", "A%", "ä", "雪\u{10FFFF}", "雪\u{10FFFF}\u{10FFFF}"];
    for key in keys {
        saved.insert(key, save(&*house.catalog, repo, &slot(key)).await);
    }
    for key in keys {
        assert_eq!(find(house, repo, &[MAIN], "v1", &[key]).await, Some(saved[key]), "{key}");
    }
    assert_eq!(find(house, repo, &[MAIN], "v1", &["雪"]).await, Some(saved["雪\u{10FFFF}\u{10FFFF}"]));
    assert_eq!(find(house, repo, &[MAIN], "v1", &["A"]).await, Some(saved["A%"]));
    assert_eq!(find(house, repo, &[MAIN], "v1", &["a"]).await, Some(saved["ab"]));
    assert_eq!(find(house, repo, &[MAIN], "v1", &["_%"]).await, None);
}

/// When there are more than are read one by one, and in an order that has nothing to do with that of the keys.
pub async fn the_newest_of_many_is_found(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let mut dice = Dice(7);
    let mut saved: Vec<(String, EntryId)> = Vec::new();
    for number in 0..330 {
        let key = format!("{}-{:04}-{number}", ["a", "b"][dice.roll(2) as usize], dice.roll(10_000));
        let entry = save(catalog, repo, &slot(&key)).await;
        saved.push((key, entry));
    }
    for _ in 0..4 {
        for prefix in ["", "a", "b", "a-1", "b-99", "a-77"] {
            let newest = saved.iter().rev().find(|(key, _)| key.starts_with(prefix));
            let newest = newest.map(|(_, entry)| *entry);
            assert_eq!(find(house, repo, &[MAIN], "v1", &[prefix]).await, newest, "{prefix:?}");
        }
        // Then the newest goes, and two thirds of the others.
        let doomed: Vec<EntryId> = saved.drain(saved.len() - 30..).map(|(_, entry)| entry).collect();
        catalog.delete(&doomed, GONE).await.unwrap();
        let doomed: Vec<EntryId> =
            saved.iter().filter(|(_, entry)| entry.0 % 7 == 0).map(|(_, entry)| *entry).collect();
        saved.retain(|(_, entry)| entry.0 % 7 != 0);
        catalog.delete(&doomed, GONE).await.unwrap();
    }
}

/// More than are read one by one, all of them older than several hundred others.
pub async fn an_old_match_is_found_far_down(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let mut newest_old = None;
    for number in 0..70 {
        newest_old = Some(save(catalog, repo, &slot(&format!("old-{:02}", (number * 37) % 70))).await);
    }
    for number in 0..450 {
        // Some in another place, so that numbers are missing from this one's tiers.
        let version = ["v1", "v2"][usize::from(number < 200)];
        save(catalog, repo, &Slot { version: version.to_owned(), ..slot(&format!("new-{number}")) }).await;
    }
    assert_eq!(find(house, repo, &[MAIN], "v1", &["old-"]).await, newest_old);
}

/// The raw one first, the recoded one after the swap.
pub async fn a_hit_shows_the_current_form(house: &House) {
    let catalog = &*house.catalog;
    let one = catalog.repository("owner/name", "owner").await.unwrap();
    let entry = save(catalog, one.id, &slot("a")).await;
    let hit = catalog.lookup(one.id, &texts(&[MAIN]), "v1", &texts(&["a"])).await.unwrap().unwrap();
    assert_eq!(Some(hit.entry), catalog.entry(entry).await.unwrap());
    assert_eq!(hit.representation.id, raw_of(catalog, entry).await);
    assert_eq!(hit.representation.source, Source::Raw);
    catalog.delete(&[entry], GONE).await.unwrap();
    let claim = catalog.claim(&[crate::rooms::JobKind::Recode], super::fixtures::LEASE).await.unwrap();
    catalog.finish(&claim.unwrap()).await.unwrap();

    let pack = store(catalog, one.domain, 0..3).await;
    let (_, recipe) = recoded_entry(catalog, one.id, "a", &[pack]).await;
    let hit = catalog.lookup(one.id, &texts(&[MAIN]), "v1", &texts(&["a"])).await.unwrap().unwrap();
    assert_eq!(hit.representation.source, Source::Frames(recipe));
}

/// Slots in the order in which they are saved, with whether each is deleted again, and what is asked.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is saved, one after the other; the same slot again is passed over.
    pub saves: Vec<(Slot, bool)>,
    /// Scopes, version and keys of each lookup.
    pub asked: Vec<(Vec<String>, String, Vec<String>)>,
}

/// What [`Case`] is about, as plainly as it can be said.
fn model<'a>(
    saved: &'a [(Slot, EntryId)],
    scopes: &'a [String],
    version: &str,
    keys: &'a [String],
) -> Option<&'a (Slot, EntryId)> {
    for scope in scopes {
        for key in keys {
            let here = || saved.iter().filter(|(slot, _)| slot.scope == *scope && slot.version == version);
            let exact = here().find(|(slot, _)| slot.key == *key);
            let newest = || here().rfind(|(slot, _)| slot.key.as_bytes().starts_with(key.as_bytes()));
            if let Some(found) = exact.or_else(newest) {
                return Some(found);
            }
        }
    }
    None
}

/// Does what the case says in a new repository of this name and compares every answer with the model's.
pub async fn agrees_with_the_model(catalog: &dyn Catalog, name: &str, case: &Case) {
    let repo = catalog.repository(name, "owner").await.unwrap().id;
    let mut saved: Vec<(Slot, EntryId)> = Vec::new();
    for (slot, deleted) in &case.saves {
        if saved.iter().any(|(there, _)| there == slot) {
            continue;
        }
        let entry = save(catalog, repo, slot).await;
        if *deleted {
            catalog.delete(&[entry], GONE).await.unwrap();
        } else {
            saved.push((slot.clone(), entry));
        }
    }
    for (scopes, version, keys) in &case.asked {
        let hit = catalog.lookup(repo, scopes, version, keys).await.unwrap();
        // The slot too: a key comes back in the case in which it was saved.
        let found = hit.map(|hit| (hit.entry.slot, hit.entry.id));
        assert_eq!(found.as_ref(), model(&saved, scopes, version, keys), "{scopes:?} {version} {keys:?}");
    }
}
