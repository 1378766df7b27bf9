//! Finding, walking and deleting paths.

use snowbank_nix::path_info::PathInfo;

use super::House;
use super::fixtures::LATER;
use super::nix_fixtures::{PLAIN, PULL, add, cache, copy, info, nar_hash, part, publish, seen_from, signed};
use crate::rooms::{NarPlace, Published};

/// With all that is known of it.
pub async fn a_path_comes_back_as_it_was_published(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    add(catalog, &cache, PLAIN, info(2, &[]), 2).await;
    let mut all = info(1, &[1, 2]);
    all.deriver = Some("00000000000000000000000000000009-path.drv".parse().unwrap());
    all.ca = Some("fixed:r:sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib".parse().unwrap());
    let all = signed(signed(all));
    let published = add(catalog, &cache, PLAIN, all.clone(), 1).await;
    assert_eq!(published.info, all);
    assert_eq!((published.view.as_str(), published.upstream), (PLAIN, false));
    assert_eq!(published.created, published.used);
    let nar = catalog.nar(cache.id, &seen_from(PLAIN), &nar_hash(1)).await.unwrap().unwrap();
    assert_eq!(published.nar, Some(NarPlace { id: nar.id, recipe: nar.recipe, stored: nar.stored }));
    let other = catalog.cache("other", "owner").await.unwrap();
    assert_eq!(catalog.path(other.id, &seen_from(PLAIN), part(1)).await.unwrap(), None);
    assert_eq!(catalog.path(cache.id, &seen_from(PLAIN), part(3)).await.unwrap(), None);
}

/// What only another view has is not there.
pub async fn the_first_view_that_has_a_path_wins(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let elder = add(catalog, &cache, PLAIN, info(1, &[]), 1).await;
    let other = PathInfo { nar_hash: nar_hash(2), ..info(1, &[]) };
    let newer = add(catalog, &cache, PULL, other, 2).await;
    let only = add(catalog, &cache, PULL, info(3, &[]), 3).await;
    let views = |views: &[&str]| views.iter().map(|view| (*view).to_owned()).collect::<Vec<_>>();
    for (seen, wins) in [
        (views(&[PULL, PLAIN]), Some(&newer)),
        (views(&[PLAIN, PULL]), Some(&elder)),
        (views(&[PLAIN]), Some(&elder)),
        (views(&["refs/pull/8/merge"]), None),
        (views(&[]), None),
    ] {
        assert_eq!(catalog.path(cache.id, &seen, part(1)).await.unwrap().as_ref(), wins, "{seen:?}");
        let many = catalog.paths(cache.id, &seen, &[part(1), part(9)]).await.unwrap();
        assert_eq!(many.iter().collect::<Vec<_>>(), wins.into_iter().collect::<Vec<_>>(), "{seen:?}");
    }
    assert_eq!(catalog.path(cache.id, &seen_from(PLAIN), part(3)).await.unwrap(), None);
    let mut both = catalog.paths(cache.id, &seen_from(PULL), &[part(3), part(1), part(3)]).await.unwrap();
    both.sort_by_key(|path| path.id);
    assert_eq!(both, [newer, only]);
    assert_eq!(catalog.paths(cache.id, &seen_from(PULL), &[]).await.unwrap(), []);
}

/// Of those that can be read and have their NAR.
pub async fn the_newest_of_a_name_is_found(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let named = |number: u32, name: &str| {
        let path = format!("{number:032}-{name}").parse().unwrap();
        PathInfo { path, ..info(number, &[]) }
    };
    add(catalog, &cache, PLAIN, named(1, "hello"), 1).await;
    let hello = add(catalog, &cache, PLAIN, named(2, "hello"), 2).await;
    let pulled = add(catalog, &cache, PULL, named(3, "hello"), 3).await;
    let bye = add(catalog, &cache, PLAIN, named(4, "bye"), 4).await;
    copy(catalog, &cache, named(5, "bye")).await;
    let names = ["hello", "bye", "unknown"].map(str::to_owned);
    for (view, newest) in [(PLAIN, &hello), (PULL, &pulled)] {
        let mut found = catalog.latest_named(cache.id, &seen_from(view), &names).await.unwrap();
        found.sort_by_key(|path| path.info.path.name().len());
        assert_eq!(found.iter().collect::<Vec<_>>(), [&bye, newest], "{view}");
    }
    assert_eq!(catalog.latest_named(cache.id, &seen_from(PLAIN), &[]).await.unwrap(), []);
}

/// In order, page by page, those of every view, with what they refer to and what they take.
pub async fn paths_are_walked_in_pages(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let other = catalog.cache("other", "owner").await.unwrap();
    let first = add(catalog, &cache, PLAIN, info(1, &[]), 1).await;
    add(catalog, &other, PLAIN, info(1, &[]), 1).await;
    let second = add(catalog, &cache, PULL, info(2, &[1, 2]), 2).await;
    copy(catalog, &cache, info(3, &[])).await;
    let page = catalog.walk_paths(cache.id, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|row| row.id).collect::<Vec<_>>(), [first.id, second.id]);
    let row = &page[1];
    assert_eq!((row.view.as_str(), row.hash_part, row.upstream), (PULL, part(2), false));
    assert_eq!(row.references, [part(1), part(2)]);
    assert_eq!((row.nar, row.stored), (second.nar.map(|nar| nar.id), 50));
    assert_eq!((row.created, row.used), (second.created, second.used));
    let rest = catalog.walk_paths(cache.id, Some(second.id), 2).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!((rest[0].hash_part, rest[0].upstream, rest[0].nar, rest[0].stored), (part(3), true, None, 0));
}

/// When it was touched, and when a new path came to refer to it.
pub async fn a_path_remembers_its_last_use(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let find = async |number| catalog.path(cache.id, &seen_from(PLAIN), part(number)).await.unwrap().unwrap();
    for number in [1, 2] {
        add(catalog, &cache, PLAIN, info(number, &[]), number).await;
    }
    house.clock.advance(LATER);
    catalog.touch_paths(&[find(1).await.id, crate::ids::PathId(999)]).await.unwrap();
    let (touched, idle) = (find(1).await, find(2).await);
    assert!(touched.used.0 >= touched.created.0 + LATER.as_millis() as i64);
    assert_eq!(idle.used, idle.created);
    house.clock.advance(LATER);
    add(catalog, &cache, PLAIN, info(3, &[2]), 3).await;
    assert_eq!(find(2).await.used, find(3).await.used);
    assert_eq!(find(1).await.used, touched.used);
}

/// Unless it was used since.
pub async fn a_deleted_path_is_gone(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let mut ids = Vec::new();
    for number in 1..=3 {
        ids.push(add(catalog, &cache, PLAIN, info(number, &[]), number).await.id);
    }
    let since = catalog.now().await.unwrap();
    house.clock.advance(LATER);
    let relied_on = add(catalog, &cache, PLAIN, info(4, &[2]), 4).await;
    catalog.touch_paths(&ids[2..]).await.unwrap();
    assert_eq!(catalog.delete_paths(&ids, Some(since)).await.unwrap(), 1);
    let left = catalog.walk_paths(cache.id, None, 10).await.unwrap();
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[1], ids[2], relied_on.id]);
    assert_eq!(catalog.delete_paths(&ids, None).await.unwrap(), 2);
    assert_eq!(catalog.delete_paths(&ids, None).await.unwrap(), 0);
    assert_eq!(catalog.path(cache.id, &seen_from(PLAIN), part(2)).await.unwrap(), None);
    // It can come again.
    let again = publish(catalog, &cache, PLAIN, [info(4, &[2])]).await;
    assert_eq!(again, Published::Done { added: 0 });
    let back = add(catalog, &cache, PLAIN, info(2, &[]), 2).await;
    assert!(back.id > relied_on.id, "numbers are never used twice");
}
