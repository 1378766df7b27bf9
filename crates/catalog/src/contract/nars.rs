//! NARs: kept, staged, swept.

use snowbank_nix::hash::Digest;

use super::House;
use super::fixtures::{LATER, LEASE};
use super::nix_fixtures::{
    PLAIN, PULL, PUSHER, add, cache, copy, file_name, fresh_recipe, info, nar_hash, new_nar, part, publish,
    push, seen_from, stage, sweep,
};
use crate::rooms::{KeptNar, NarFile, NewNar, Published, Stage, Staged};

/// With the file that was sent, for its pusher alone, while the lease runs.
pub async fn a_kept_nar_waits_where_it_was_staged(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let place = stage(cache.id, PULL, "a.nar.xz");
    assert_eq!(catalog.staged(&place).await.unwrap(), None);
    let new = new_nar(fresh_recipe(catalog, &cache).await, 1);
    let file = NarFile { hash: Digest::from(nar_hash(9)), size: 33 };
    let kept = catalog.keep_nar(&place, &new, Some(file), LEASE).await.unwrap();
    let KeptNar::New(nar) = kept else { panic!("{kept:?}") };
    assert_eq!((nar.recipe, nar.hash, nar.size, nar.stored), (new.recipe, nar_hash(1), 100, 50));
    let waiting = Staged { nar, file: Some(file) };
    assert_eq!(catalog.staged(&place).await.unwrap().as_ref(), Some(&waiting));
    for elsewhere in [
        stage(cache.id, PLAIN, "a.nar.xz"),
        stage(cache.id, PULL, "b.nar.xz"),
        Stage { pusher: "another".to_owned(), ..place.clone() },
    ] {
        assert_eq!(catalog.staged(&elsewhere).await.unwrap(), None, "{elsewhere:?}");
    }
    push(catalog, &cache, PULL, 2).await;
    let names = ["a.nar.xz", "b.nar.xz", &file_name(2)].map(str::to_owned);
    let mut many = catalog.staged_many(cache.id, PULL, PUSHER, &names).await.unwrap();
    many.sort_by(|one, other| one.0.cmp(&other.0));
    let found: Vec<_> = many.iter().map(|(name, staged)| (name.as_str(), staged.nar.hash)).collect();
    assert_eq!(found, [("2.nar.xz", nar_hash(2)), ("a.nar.xz", nar_hash(1))]);
    house.clock.advance(LATER);
    assert_eq!(catalog.staged(&place).await.unwrap(), None, "its lease ran out");
}

/// Those that a path in the views has, and no others.
pub async fn many_nars_are_found_by_who_may_read_them(house: &House) {
    let catalog = &*house.catalog;
    let own = cache(catalog).await;
    for number in [1, 2] {
        add(catalog, &own, PLAIN, info(number, &[]), number).await;
    }
    let pulled = add(catalog, &own, PULL, info(3, &[]), 3).await;
    push(catalog, &own, PLAIN, 4).await;
    let asked: Vec<_> = (1..=5).map(nar_hash).collect();
    for (view, numbers) in [(PLAIN, &[1, 2][..]), (PULL, &[1, 2, 3])] {
        let mut found = catalog.nar_places(own.id, &seen_from(view), &asked).await.unwrap();
        found.sort_by_key(|(hash, _)| *hash);
        let mut hashes: Vec<_> = numbers.iter().copied().map(nar_hash).collect();
        hashes.sort_unstable();
        assert_eq!(found.iter().map(|(hash, _)| *hash).collect::<Vec<_>>(), hashes);
        let third = found.iter().find(|(hash, _)| *hash == nar_hash(3));
        assert_eq!(third.map(|(_, place)| *place), pulled.nar.filter(|_| view == PULL));
    }
    let sibling = catalog.cache("sibling", "owner").await.unwrap();
    assert_eq!(catalog.nar_places(sibling.id, &seen_from(PLAIN), &asked).await.unwrap(), []);
}

/// The recipe that came second goes, and with it what only it named.
pub async fn a_domain_keeps_a_nar_once(house: &House) {
    let catalog = &*house.catalog;
    let own = cache(catalog).await;
    let sibling = catalog.cache("sibling", "owner").await.unwrap();
    let stranger = catalog.cache("stranger", "stranger").await.unwrap();
    let first = push(catalog, &own, PLAIN, 1).await;
    let mentions = Some(b"some".to_vec());
    let second = NewNar { mentions: mentions.clone(), ..new_nar(fresh_recipe(catalog, &sibling).await, 1) };
    let place = stage(sibling.id, PLAIN, "one");
    let kept = catalog.keep_nar(&place, &second, None, LEASE).await.unwrap();
    let KeptNar::Known(known) = kept else { panic!("{kept:?}") };
    assert_eq!((known.id, known.recipe), (first.id, first.recipe));
    assert_eq!(known.mentions, mentions, "nobody had looked");
    assert_eq!(catalog.page(second.recipe, 0).await.unwrap(), None);
    assert!(catalog.page(first.recipe, 0).await.unwrap().is_some());
    let again = NewNar { recipe: first.recipe, ..second };
    let told_twice = catalog.keep_nar(&place, &again, None, LEASE).await.unwrap();
    assert_eq!(told_twice, KeptNar::Known(known));
    assert!(catalog.page(first.recipe, 0).await.unwrap().is_some());
    let theirs = push(catalog, &stranger, PLAIN, 1).await;
    assert_ne!(theirs.id, first.id);
    let all = catalog.walk_nars(None, 10).await.unwrap();
    assert_eq!(all.iter().map(|nar| nar.id).collect::<Vec<_>>(), [first.id, theirs.id]);
    assert_eq!(catalog.walk_nars(Some(first.id), 1).await.unwrap(), [theirs]);
}

/// And leaves no trace; nor does one of another domain.
pub async fn a_nar_whose_recipe_was_swept_is_gone(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let stranger = catalog.cache("stranger", "stranger").await.unwrap();
    let theirs = new_nar(fresh_recipe(catalog, &stranger).await, 1);
    let place = stage(cache.id, PLAIN, "one");
    assert_eq!(catalog.keep_nar(&place, &theirs, None, LEASE).await.unwrap(), KeptNar::Gone);
    let new = new_nar(fresh_recipe(catalog, &cache).await, 1);
    house.clock.advance(LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 2);
    assert_eq!(catalog.keep_nar(&place, &new, None, LEASE).await.unwrap(), KeptNar::Gone);
    assert_eq!(catalog.staged(&place).await.unwrap(), None);
    assert_eq!(catalog.walk_nars(None, 10).await.unwrap(), []);
}

/// Read or staged by those who see a path that has it, and by nobody else.
pub async fn a_nar_is_had_by_who_sees_its_path(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let sibling = catalog.cache("sibling", "owner").await.unwrap();
    let waiting = push(catalog, &cache, PULL, 1).await;
    let (plain, pull) = (seen_from(PLAIN), seen_from(PULL));
    assert_eq!(catalog.nar(cache.id, &pull, &nar_hash(1)).await.unwrap(), None, "it is only staged");
    add(catalog, &cache, PULL, info(1, &[]), 1).await;
    let place = stage(cache.id, PULL, "again");
    let strange = stage(sibling.id, PULL, "again");
    assert_eq!(catalog.nar(cache.id, &pull, &nar_hash(1)).await.unwrap(), Some(waiting.clone()));
    assert_eq!(catalog.nar(cache.id, &plain, &nar_hash(1)).await.unwrap(), None);
    assert_eq!(catalog.nar(cache.id, &[], &nar_hash(1)).await.unwrap(), None);
    assert_eq!(catalog.nar(sibling.id, &pull, &nar_hash(1)).await.unwrap(), None);
    assert_eq!(catalog.stage_known(&place, &plain, &nar_hash(1), LEASE).await.unwrap(), None);
    assert_eq!(catalog.stage_known(&strange, &pull, &nar_hash(1), LEASE).await.unwrap(), None);
    let known = catalog.stage_known(&place, &pull, &nar_hash(1), LEASE).await.unwrap();
    assert_eq!(known.as_ref(), Some(&waiting));
    let staged = catalog.staged(&place).await.unwrap();
    assert_eq!(staged, Some(Staged { nar: waiting, file: None }));
}

/// Each once, and none that nobody of these views has.
pub async fn many_nars_are_found_at_once(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let sibling = catalog.cache("sibling", "owner").await.unwrap();
    for (view, number) in [(PLAIN, 1), (PULL, 2)] {
        add(catalog, &cache, view, info(number, &[]), number).await;
    }
    push(catalog, &cache, PULL, 3).await;
    let hashes: Vec<_> = (1..5).map(nar_hash).collect();
    for (cache, views, expected) in [
        (cache.id, seen_from(PULL), vec![nar_hash(1), nar_hash(2)]),
        (cache.id, seen_from(PLAIN), vec![nar_hash(1)]),
        (cache.id, vec![], vec![]),
        (sibling.id, seen_from(PULL), vec![]),
    ] {
        let found = catalog.nars(cache, &views, &hashes).await.unwrap();
        let mut found: Vec<_> = found.into_iter().map(|nar| nar.hash).collect();
        found.sort_by_key(|hash| expected.iter().position(|other| other == hash));
        assert_eq!(found, expected, "{views:?}");
    }
    assert_eq!(catalog.nars(cache.id, &seen_from(PULL), &[]).await.unwrap(), []);
}

/// All of one pusher's, and none that ran out.
pub async fn staged_nars_are_extended_together(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let extend = || catalog.extend_staged(cache.id, PULL, PUSHER, LEASE);
    push(catalog, &cache, PULL, 1).await;
    house.clock.advance(LATER / 2);
    push(catalog, &cache, PULL, 2).await;
    push(catalog, &cache, PLAIN, 3).await;
    assert_eq!(extend().await.unwrap(), 2);
    house.clock.advance(LATER / 2);
    sweep(catalog).await;
    assert!(catalog.staged(&stage(cache.id, PULL, &file_name(1))).await.unwrap().is_some());
    house.clock.advance(LATER);
    assert_eq!(extend().await.unwrap(), 0);
}

/// By staging or by a path; without either it goes, and its recipe an hour later.
pub async fn a_nar_stays_while_it_has_a_name(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let (first, second) = (push(catalog, &cache, PLAIN, 1).await, push(catalog, &cache, PLAIN, 2).await);
    let published = publish(catalog, &cache, PLAIN, [info(1, &[])]).await;
    assert_eq!(published, Published::Done { added: 1 });
    sweep(catalog).await;
    assert_eq!(catalog.walk_nars(None, 10).await.unwrap().len(), 2, "both are staged");
    house.clock.advance(LATER);
    sweep(catalog).await;
    let left = catalog.walk_nars(None, 10).await.unwrap();
    assert_eq!(left.iter().map(|nar| nar.id).collect::<Vec<_>>(), [first.id]);
    assert!(catalog.page(second.recipe, 0).await.unwrap().is_some(), "a download may be reading it");
    house.clock.advance(6 * LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 1);
    assert_eq!(catalog.page(second.recipe, 0).await.unwrap(), None);

    let path = catalog.path(cache.id, &seen_from(PLAIN), part(1)).await.unwrap().unwrap();
    assert_eq!(catalog.delete_paths(&[path.id], None).await.unwrap(), 1);
    sweep(catalog).await;
    assert_eq!(catalog.walk_nars(None, 10).await.unwrap(), []);
    house.clock.advance(6 * LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 1);
}

/// The one that waited there before has lost its name.
pub async fn a_staged_nar_is_replaced_by_a_later_one(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let place = stage(cache.id, PLAIN, "one");
    for number in [1, 2] {
        let new = new_nar(fresh_recipe(catalog, &cache).await, number);
        catalog.keep_nar(&place, &new, None, LEASE).await.unwrap();
    }
    let staged = catalog.staged(&place).await.unwrap().unwrap();
    assert_eq!(staged.nar.hash, nar_hash(2));
    sweep(catalog).await;
    assert_eq!(catalog.walk_nars(None, 10).await.unwrap(), [staged.nar]);
}

/// An upstream's path waits for it again; others would only promise what cannot be had.
pub async fn a_lost_nar_takes_its_paths_with_it(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let views = seen_from(PULL);
    copy(catalog, &cache, info(1, &[])).await;
    let nar = push(catalog, &cache, PLAIN, 1).await;
    add(catalog, &cache, PULL, info(1, &[]), 1).await;
    assert_eq!(catalog.lose_nar(nar.id).await.unwrap(), 1);
    let left = catalog.path(cache.id, &views, part(1)).await.unwrap().unwrap();
    assert_eq!((left.view.as_str(), left.nar), (PLAIN, None));
    assert_eq!(catalog.staged(&stage(cache.id, PLAIN, &file_name(1))).await.unwrap(), None);
    assert_eq!(catalog.walk_nars(None, 10).await.unwrap(), []);
    assert_eq!(catalog.lose_nar(nar.id).await.unwrap(), 0);
}

/// Their recipes are told from those of entries, and their packs count as shown and are reachable.
pub async fn what_caches_keep_is_alive(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let making = fresh_recipe(catalog, &cache).await;
    assert_eq!(catalog.shown_pack_bytes().await.unwrap(), 0);
    let nar = push(catalog, &cache, PLAIN, 1).await;
    let file = fresh_recipe(catalog, &cache).await;
    assert!(catalog.keep_file(cache.id, PLAIN, "log", file, 10).await.unwrap());
    let alive = catalog.recipes_of_caches(&[file, making, nar.recipe]).await.unwrap();
    assert_eq!(alive, [nar.recipe, file]);
    assert_eq!(catalog.shown_pack_bytes().await.unwrap(), 2000);
    house.clock.advance(LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 1, "the one that is still being made");
    assert_eq!(catalog.unreachable_packs().await.unwrap().len(), 1);
}
