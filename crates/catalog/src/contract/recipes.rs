//! Recipes, page by page.

use super::House;
use super::fixtures::{LATER, LEASE, domain, frame, page, recipe, repo, save, slot, store};
use crate::rooms::{Measure, NumberedPage, PageAdded};

/// In either measure; beyond the end it is the last.
pub async fn a_page_is_found_by_its_bytes(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let pack = store(catalog, domain, 0..8).await;
    let recipe = catalog.begin_recipe(domain, LEASE).await.unwrap();
    assert_eq!(catalog.page_at(recipe, Measure::Raw, 0).await.unwrap(), None);
    // Each page: 4 frames, 400 raw and 200 stored bytes.
    let mut pages = Vec::new();
    for number in 0..3 {
        let page = page(number, (0..4).map(|place| frame(place, pack, place)).collect());
        assert_eq!(catalog.add_page(recipe, number, &page, LEASE).await.unwrap(), PageAdded::Done);
        pages.push(NumberedPage { recipe, number, page });
    }
    for (measure, bytes) in [(Measure::Raw, 400), (Measure::Stored, 200)] {
        for number in 0..3_u32 {
            let start = u64::from(number) * bytes;
            for offset in [start, start + 1, start + bytes - 1] {
                let found = catalog.page_at(recipe, measure, offset).await.unwrap().unwrap();
                assert_eq!(found, pages[number as usize], "{measure:?} {offset}");
            }
        }
        for offset in [3 * bytes, u64::MAX] {
            assert_eq!(catalog.page_at(recipe, measure, offset).await.unwrap().unwrap(), pages[2]);
        }
    }
    assert_eq!(catalog.page(recipe, 1).await.unwrap().as_ref(), Some(&pages[1]));
    assert_eq!(catalog.page(recipe, 3).await.unwrap(), None);
}

/// Of many recipes at once, each after the other, from where the last answer ended.
pub async fn pages_of_many_recipes_come_in_order(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let pack = store(catalog, domain, 0..8).await;
    let mut recipes = Vec::new();
    for _ in 0..3 {
        let recipe = catalog.begin_recipe(domain, LEASE).await.unwrap();
        for number in 0..2 {
            let page = page(number, (0..4).map(|place| frame(place, pack, place)).collect());
            assert_eq!(catalog.add_page(recipe, number, &page, LEASE).await.unwrap(), PageAdded::Done);
        }
        recipes.push(recipe);
    }
    let asked = [recipes[2], recipes[0]];
    let places = |pages: Vec<NumberedPage>| -> Vec<_> {
        pages.into_iter().map(|page| (page.recipe, page.number)).collect()
    };
    let first = places(catalog.pages_in(&asked, None, 3).await.unwrap());
    assert_eq!(first, [(recipes[0], 0), (recipes[0], 1), (recipes[2], 0)]);
    let rest = places(catalog.pages_in(&asked, first.last().copied(), 3).await.unwrap());
    assert_eq!(rest, [(recipes[2], 1)]);
    assert_eq!(catalog.pages_in(&[], None, 3).await.unwrap(), []);
}

/// With the numbers of those packs, and nothing is kept of it.
pub async fn a_page_of_a_pack_that_is_not_live_is_refused(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let gone = store(catalog, domain, [1]).await;
    house.clock.advance(LATER);
    catalog.condemn(&[gone]).await.unwrap();
    let live = store(catalog, domain, [2]).await;
    let writing = catalog.begin_pack(domain, LEASE).await.unwrap();
    let recipe = catalog.begin_recipe(domain, LEASE).await.unwrap();
    let bad = page(0, vec![frame(1, gone, 0), frame(2, live, 0), frame(3, writing, 0)]);
    let answer = catalog.add_page(recipe, 0, &bad, LEASE).await.unwrap();
    assert_eq!(answer, PageAdded::NotLive(vec![gone, writing]));
    assert_eq!(catalog.page(recipe, 0).await.unwrap(), None);
    let good = page(0, vec![frame(2, live, 0)]);
    assert_eq!(catalog.add_page(recipe, 0, &good, LEASE).await.unwrap(), PageAdded::Done);
}

/// As if it were not there.
pub async fn a_page_of_another_domains_pack_is_refused(house: &House) {
    let catalog = &*house.catalog;
    let own = domain(catalog).await;
    let other = catalog.repository("other/name", "other").await.unwrap().domain;
    let theirs = store(catalog, other, [1]).await;
    let recipe = catalog.begin_recipe(own, LEASE).await.unwrap();
    let answer = catalog.add_page(recipe, 0, &page(0, vec![frame(1, theirs, 0)]), LEASE).await.unwrap();
    assert_eq!(answer, PageAdded::NotLive(vec![theirs]));
}

/// Unless a page came in time.
pub async fn an_expired_recipe_is_swept(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let pack = store(catalog, domain, [1]).await;
    let idle = recipe(catalog, domain, &[pack]).await;
    let busy = recipe(catalog, domain, &[pack]).await;
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 0);
    house.clock.advance(LEASE / 2);
    let next = page(1, vec![frame(1, pack, 0)]);
    assert_eq!(catalog.add_page(busy, 1, &next, LEASE).await.unwrap(), PageAdded::Done);
    house.clock.advance(LEASE / 2 + LATER - LEASE);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 1);
    assert_eq!(catalog.page(idle, 0).await.unwrap(), None);
    assert!(catalog.page(busy, 0).await.unwrap().is_some());
    assert_eq!(catalog.add_page(idle, 1, &next, LEASE).await.unwrap(), PageAdded::Gone);
    assert_eq!(catalog.unreachable_packs().await.unwrap(), [], "the other recipe names it");
    house.clock.advance(LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 1);
    assert_eq!(catalog.unreachable_packs().await.unwrap().len(), 1);
}

/// Each page once, in order, from where the last answer ended.
pub async fn pages_are_found_by_their_packs(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let (a, b) = (store(catalog, domain, [1]).await, store(catalog, domain, [2]).await);
    let first = catalog.begin_recipe(domain, LEASE).await.unwrap();
    for (number, packs) in [[a, b], [b, b], [a, a]].into_iter().enumerate() {
        let frames = packs.iter().enumerate().map(|(place, pack)| frame(9, *pack, place as u32)).collect();
        catalog.add_page(first, number as u32, &page(number as u32, frames), LEASE).await.unwrap();
    }
    let second = recipe(catalog, domain, &[a]).await;
    let found = |pages: Vec<NumberedPage>| -> Vec<_> {
        pages.into_iter().map(|page| (page.recipe, page.number)).collect()
    };
    let all = found(catalog.pages_of(&[a, b], None, 10).await.unwrap());
    assert_eq!(all, [(first, 0), (first, 1), (first, 2), (second, 0)]);
    let some = found(catalog.pages_of(&[a], None, 2).await.unwrap());
    assert_eq!(some, [(first, 0), (first, 2)]);
    let rest = found(catalog.pages_of(&[a], Some((first, 2)), 2).await.unwrap());
    assert_eq!(rest, [(second, 0)]);
    assert_eq!(catalog.pages_of(&[], None, 2).await.unwrap(), []);
}

/// A page that changed or a pack that is not live stops it; one that is gone does not.
pub async fn moving_frames_is_all_or_nothing(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    // Makes a repository with an entry, so that nothing here depends on there being none.
    save(catalog, repo(catalog).await, &slot("bystander")).await;
    let (old, new) = (store(catalog, domain, [1, 2]).await, store(catalog, domain, [1, 2]).await);
    let moved = |pages: &[NumberedPage]| -> Vec<_> {
        pages
            .iter()
            .map(|page| {
                let mut next = page.page.clone();
                next.frames.iter_mut().for_each(|frame| frame.pack = new);
                (page.clone(), next)
            })
            .collect()
    };
    recipe(catalog, domain, &[old]).await;
    recipe(catalog, domain, &[old]).await;
    let before = catalog.pages_of(&[old], None, 10).await.unwrap();
    assert_eq!(before.len(), 2);

    let mut stale = moved(&before);
    stale[1].0.page.frames[0].offset += 50;
    assert!(!catalog.move_frames(&stale).await.unwrap());
    let mut nowhere = moved(&before);
    nowhere[1].1.frames[0].pack = catalog.begin_pack(domain, LEASE).await.unwrap();
    assert!(!catalog.move_frames(&nowhere).await.unwrap());
    assert_eq!(catalog.pages_of(&[old], None, 10).await.unwrap(), before);
    assert_eq!(catalog.pages_of(&[new], None, 10).await.unwrap(), []);

    let mut pages = moved(&before);
    let mut gone = pages[0].clone();
    gone.0.number = 7;
    pages.push(gone);
    assert!(catalog.move_frames(&pages).await.unwrap());
    assert_eq!(catalog.pages_of(&[old], None, 10).await.unwrap(), []);
    let after = catalog.pages_of(&[new], None, 10).await.unwrap();
    assert_eq!(after.iter().map(|page| &page.page).collect::<Vec<_>>(), [&pages[0].1, &pages[1].1]);
    assert!(!catalog.move_frames(&pages).await.unwrap(), "they are no longer as they were");
    house.clock.advance(LATER);
    let unreachable = catalog.unreachable_packs().await.unwrap();
    assert_eq!(unreachable.iter().map(|pack| pack.id).collect::<Vec<_>>(), [old]);
}
