//! Publishing paths.

use std::collections::BTreeSet;

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;

use super::House;
use super::fixtures::{LATER, LEASE};
use super::nix_fixtures::{
    PLAIN, PULL, PUSHER, add, cache, copy, info, nar_hash, part, path, publish, push, seen_from, signed,
    stage, sweep,
};
use crate::rooms::{MAX_SIGNATURES, NewPath, Publication, Published};

fn refused(nars: &[u32], references: &[(u32, u32)]) -> Published {
    Published::Refused {
        nars: nars.iter().copied().map(path).collect(),
        references: references.iter().map(|(from, to)| (path(*from), path(*to))).collect(),
    }
}

/// Together they may refer to each other; twice the same is one.
pub async fn paths_become_visible_together(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    for number in 1..=3 {
        push(catalog, &cache, PLAIN, number).await;
    }
    let all = [info(1, &[2]), info(2, &[1, 2, 3]), info(3, &[]), info(3, &[])];
    assert_eq!(publish(catalog, &cache, PLAIN, all).await, Published::Done { added: 3 });
    let parts = [part(1), part(2), part(3)];
    assert_eq!(catalog.paths(cache.id, &seen_from(PLAIN), &parts).await.unwrap().len(), 3);
    assert_eq!(publish(catalog, &cache, PLAIN, []).await, Published::Done { added: 0 });
}

/// Rows are written in batches; none is lost between them.
pub async fn many_paths_are_published_at_once(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let same = |number: u32| PathInfo { nar_hash: nar_hash(0), ..info(number, &[number / 2]) };
    push(catalog, &cache, PLAIN, 0).await;
    let published = publish(catalog, &cache, PLAIN, (0..1201).map(same)).await;
    assert_eq!(published, Published::Done { added: 1201 });
    let found = catalog.path(cache.id, &seen_from(PLAIN), part(1200)).await.unwrap().unwrap();
    assert_eq!(found.info, same(1200));
    let signatures = publish(catalog, &cache, PLAIN, (0..1201).map(same).map(signed)).await;
    assert_eq!(signatures, Published::Done { added: 0 });
    let found = catalog.path(cache.id, &seen_from(PLAIN), part(1200)).await.unwrap().unwrap();
    assert_eq!(found.info.signatures.len(), 1);
}

/// All that is missing is told, and nothing becomes visible.
pub async fn what_is_incomplete_is_refused(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    push(catalog, &cache, PLAIN, 1).await;
    let answer = publish(catalog, &cache, PLAIN, [info(1, &[5]), info(2, &[1]), info(3, &[6, 3])]).await;
    assert_eq!(answer, refused(&[2, 3], &[(1, 5), (3, 6)]));
    assert_eq!(catalog.walk_paths(cache.id, None, 10).await.unwrap(), []);
}

/// Staged by somebody else, for another view, or too long ago: it does not count.
pub async fn only_the_pushers_own_nars_count(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let views = seen_from(PULL);
    let to = Publication { cache: cache.id, view: PULL, views: &views, pusher: "another", elsewhere: &[] };
    let paths = [NewPath { info: info(1, &[]), upstream: false }];
    push(catalog, &cache, PULL, 1).await;
    assert_eq!(catalog.publish(&to, &paths).await.unwrap(), refused(&[1], &[]));
    let to = Publication { view: PLAIN, pusher: PUSHER, ..to };
    assert_eq!(catalog.publish(&to, &paths).await.unwrap(), refused(&[1], &[]));
    house.clock.advance(LATER);
    assert_eq!(publish(catalog, &cache, PULL, [info(1, &[])]).await, refused(&[1], &[]));
    push(catalog, &cache, PULL, 1).await;
    assert_eq!(publish(catalog, &cache, PULL, [info(1, &[])]).await, Published::Done { added: 1 });
}

/// One that a visible path has serves another; one of a view that cannot be read does not.
pub async fn a_nar_that_can_be_read_needs_no_push(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let same = |number: u32| PathInfo { nar_hash: nar_hash(1), ..info(number, &[]) };
    add(catalog, &cache, PULL, same(1), 1).await;
    house.clock.advance(LATER);
    sweep(catalog).await;
    assert_eq!(publish(catalog, &cache, PLAIN, [same(2)]).await, refused(&[2], &[]));
    assert_eq!(publish(catalog, &cache, PULL, [same(2)]).await, Published::Done { added: 1 });
}

/// Elsewhere, or where the readers of the view see it, under its full name.
pub async fn a_reference_must_be_visible(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    add(catalog, &cache, PULL, info(1, &[]), 1).await;
    push(catalog, &cache, PLAIN, 2).await;
    push(catalog, &cache, PULL, 2).await;
    assert_eq!(publish(catalog, &cache, PLAIN, [info(2, &[1])]).await, refused(&[], &[(2, 1)]));
    let renamed: StorePath = format!("{}-other", part(1)).parse().unwrap();
    let wrong = PathInfo { references: [renamed.clone()].into(), ..info(2, &[]) };
    let answer = publish(catalog, &cache, PULL, [wrong]).await;
    assert_eq!(answer, Published::Refused { nars: vec![], references: vec![(path(2), renamed)] });
    assert_eq!(publish(catalog, &cache, PULL, [info(2, &[1])]).await, Published::Done { added: 1 });

    let views = seen_from(PLAIN);
    let elsewhere = [part(1)];
    let to =
        Publication { cache: cache.id, view: PLAIN, views: &views, pusher: PUSHER, elsewhere: &elsewhere };
    let paths = [NewPath { info: info(2, &[1]), upstream: false }];
    assert_eq!(catalog.publish(&to, &paths).await.unwrap(), Published::Done { added: 1 });
}

/// Both in one publication and in one after the other, the first name for a hash part stays.
pub async fn a_hash_part_has_one_name(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let other: StorePath = format!("{}-other", part(1)).parse().unwrap();
    let twin = PathInfo { path: other.clone(), ..info(1, &[]) };
    push(catalog, &cache, PLAIN, 1).await;
    push(catalog, &cache, PLAIN, 2).await;
    let follower = PathInfo { references: [other.clone()].into(), ..info(2, &[]) };
    let answer = publish(catalog, &cache, PLAIN, [info(1, &[]), twin.clone(), follower.clone()]).await;
    let dangling = Published::Refused { nars: vec![], references: vec![(path(2), other)] };
    assert_eq!(answer, dangling);
    publish(catalog, &cache, PLAIN, [info(1, &[])]).await;
    assert_eq!(publish(catalog, &cache, PLAIN, [twin.clone()]).await, Published::Done { added: 0 });
    assert_eq!(publish(catalog, &cache, PLAIN, [twin, follower]).await, dangling);
    let found = catalog.path(cache.id, &seen_from(PLAIN), part(1)).await.unwrap().unwrap();
    assert_eq!(found.info, info(1, &[]));
}

/// What is signed differs then: signatures of the one would not hold for the other.
pub async fn a_path_keeps_its_first_content(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let first = signed(info(1, &[]));
    add(catalog, &cache, PLAIN, first.clone(), 1).await;
    push(catalog, &cache, PLAIN, 2).await;
    let second = signed(PathInfo { nar_hash: nar_hash(2), ..info(1, &[]) });
    assert_eq!(publish(catalog, &cache, PLAIN, [second]).await, Published::Done { added: 0 });
    let found = catalog.path(cache.id, &seen_from(PLAIN), part(1)).await.unwrap().unwrap();
    assert_eq!(found.info, first);
}

/// Each once, and no more than the bound.
pub async fn signatures_add_up(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let (one, two) = (signed(info(1, &[])), signed(info(1, &[])));
    add(catalog, &cache, PLAIN, one.clone(), 1).await;
    publish(catalog, &cache, PLAIN, [two.clone()]).await;
    publish(catalog, &cache, PLAIN, [two.clone()]).await;
    let find = async || catalog.path(cache.id, &seen_from(PLAIN), part(1)).await.unwrap().unwrap();
    let both: BTreeSet<_> = one.signatures.union(&two.signatures).cloned().collect();
    assert_eq!(find().await.info.signatures, both);
    let line = &one.signatures.first().unwrap().to_string()["key-1".len()..];
    let many = (0..MAX_SIGNATURES).map(|number| format!("key-{number}{line}").parse().unwrap()).collect();
    publish(catalog, &cache, PLAIN, [PathInfo { signatures: many, ..info(1, &[]) }]).await;
    let bounded = find().await.info.signatures;
    assert_eq!(bounded.len(), MAX_SIGNATURES);
    assert!(bounded.is_superset(&both), "what was there stays");
}

/// From an upstream cache it needs none yet, and has it as soon as it is kept.
pub async fn an_upstream_path_waits_for_its_nar(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let views = seen_from(PLAIN);
    assert_eq!(copy(catalog, &cache, info(1, &[7])).await, Published::Done { added: 1 });
    let waiting = catalog.path(cache.id, &views, part(1)).await.unwrap().unwrap();
    assert_eq!((waiting.upstream, waiting.nar), (true, None));
    assert_eq!(catalog.nar(cache.id, &views, &nar_hash(1)).await.unwrap(), None);
    push(catalog, &cache, PULL, 1).await;
    let still = catalog.path(cache.id, &views, part(1)).await.unwrap().unwrap();
    assert_eq!(still.nar, None, "who writes a pull request's view does not write this one");
    let nar = push(catalog, &cache, PLAIN, 1).await;
    let there = catalog.path(cache.id, &views, part(1)).await.unwrap().unwrap();
    assert_eq!((there.upstream, there.nar.map(|place| place.id)), (true, Some(nar.id)));
    house.clock.advance(LATER);
    sweep(catalog).await;
    assert_eq!(catalog.nar(cache.id, &views, &nar_hash(1)).await.unwrap(), Some(nar));
}

/// Then it is the cache's own, with all that that takes.
pub async fn an_upstream_path_can_be_pushed(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    copy(catalog, &cache, info(1, &[7])).await;
    assert_eq!(publish(catalog, &cache, PLAIN, [info(1, &[7])]).await, refused(&[1], &[(1, 7)]));
    add(catalog, &cache, PLAIN, info(7, &[]), 7).await;
    add(catalog, &cache, PLAIN, PathInfo { nar_hash: nar_hash(1), ..info(8, &[]) }, 1).await;
    let known = stage(cache.id, PLAIN, "known");
    catalog.stage_known(&known, &seen_from(PLAIN), &nar_hash(1), LEASE).await.unwrap().unwrap();
    assert_eq!(publish(catalog, &cache, PLAIN, [info(1, &[7])]).await, Published::Done { added: 0 });
    let own = catalog.path(cache.id, &seen_from(PLAIN), part(1)).await.unwrap().unwrap();
    assert!(!own.upstream && own.nar.is_some());
    copy(catalog, &cache, info(1, &[7])).await;
    let own = catalog.path(cache.id, &seen_from(PLAIN), part(1)).await.unwrap().unwrap();
    assert!(!own.upstream, "copying it again does not take that back");
}
