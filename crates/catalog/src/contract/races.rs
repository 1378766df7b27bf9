//! Several tasks at once on both handles.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use snowbank_cas::id::{ChunkHash, ObjectHash, PackId};
use snowbank_cas::recipe::{FrameRef, RecipePage};
use tokio::task::JoinHandle;

use super::House;
use super::fixtures::{
    Dice, GONE, LATER, LEASE, chunk, claim_of, domain, doomed, frame, granted, page, raw_of, recipe, recoded,
    repo, save, slot, store,
};
use crate::Catalog;
use crate::ids::{DomainId, RecipeId, RepoId, RepresentationId};
use crate::rooms::{JobKind, Listing, Measure, PageAdded, SortBy, Source};

async fn join<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// Each job has one holder.
pub async fn many_claim_many_jobs(house: &House) {
    for subject in 0..40 {
        house.catalog.hasten(JobKind::Recode, subject).await.unwrap();
    }
    let tasks = (0..8).map(|number| {
        let catalog = house.handle(number);
        tokio::spawn(async move {
            let mut subjects = Vec::new();
            while let Some(claim) = catalog.claim(&[JobKind::Recode], LEASE).await.unwrap() {
                subjects.push(claim.subject);
            }
            subjects
        })
    });
    let mut subjects = join(tasks.collect()).await.concat();
    subjects.sort_unstable();
    assert_eq!(subjects, (0..40).collect::<Vec<_>>());
}

/// The same pack: exactly one of the two gets it.
pub async fn adding_and_condemning(house: &House) {
    let domain = domain(&*house.catalog).await;
    for round in 0..40 {
        let pack = house.catalog.begin_pack(domain, Duration::ZERO).await.unwrap();
        let frames = vec![frame(1, pack, 0)];
        assert!(house.catalog.pack_stored(pack, ObjectHash::of(b""), 10, &frames).await.unwrap());
        let recipe = house.catalog.begin_recipe(domain, LEASE).await.unwrap();
        let (adder, collector) = (house.handle(round), house.handle(round + 1));
        let adding =
            tokio::spawn(async move { adder.add_page(recipe, 0, &page(0, frames), LEASE).await.unwrap() });
        let condemning = tokio::spawn(async move { collector.condemn(&[pack]).await.unwrap() });
        match (adding.await.unwrap(), condemning.await.unwrap().as_slice()) {
            (PageAdded::Done, []) => {}
            (PageAdded::NotLive(refused), [_]) => assert_eq!(refused, [pack]),
            other => panic!("{other:?}"),
        }
    }
}

/// Whichever comes first, nothing is left in the end.
pub async fn swapping_and_deleting(house: &House) {
    let catalog = &*house.catalog;
    let (repo, domain) = (repo(catalog).await, domain(catalog).await);
    for round in 0..24 {
        let entry = save(catalog, repo, &slot("a")).await;
        let raw = raw_of(catalog, entry).await;
        let pack = store(catalog, domain, [1]).await;
        let recipe = recipe(catalog, domain, &[pack]).await;
        let claim = claim_of(catalog, raw).await;
        let (swapper, deleter) = (house.handle(round), house.handle(round + 1));
        let swapping = tokio::spawn(async move {
            swapper.swap(&claim, raw, &recoded(Source::Frames(recipe))).await.unwrap()
        });
        let deleting = tokio::spawn(async move { deleter.delete(&[entry], GONE).await.unwrap() });
        let swapped = swapping.await.unwrap();
        assert_eq!(deleting.await.unwrap(), 1);
        assert_eq!(catalog.entry(entry).await.unwrap(), None);
        assert_eq!(catalog.current(entry).await.unwrap(), None);
        assert_eq!(catalog.sweep_retired(10).await.unwrap(), 1 + u64::from(swapped));
        assert_eq!(catalog.page(recipe, 0).await.unwrap().is_none(), swapped);
        catalog.finish(&claim).await.unwrap();
    }
}

/// What has expired goes once, whoever sweeps.
pub async fn two_of_everything_sweep(house: &House) {
    let catalog = &*house.catalog;
    let (repo, domain) = (repo(catalog).await, domain(catalog).await);
    let pack = store(catalog, domain, [1]).await;
    let mut entries = Vec::new();
    for number in 0..10 {
        let upload = granted(catalog, repo, &slot(&format!("upload {number}"))).await;
        let block = super::fixtures::block("one", &format!("uploads/{upload}/one"), 1);
        catalog.add_block(upload, &block, LEASE).await.unwrap();
        entries.push(save(catalog, repo, &slot(&format!("entry {number}"))).await);
        recipe(catalog, domain, &[pack]).await;
        catalog.begin_pack(domain, LEASE).await.unwrap();
    }
    catalog.delete(&entries, GONE).await.unwrap();
    house.clock.advance(LATER);
    // The neighbour's clock was not moved, so the tasks share one handle and differ in their connections.
    let tasks = (0..4).map(|_| {
        let catalog = house.handle(0);
        tokio::spawn(async move {
            let uploads = catalog.sweep_uploads(4).await.unwrap() + catalog.sweep_uploads(100).await.unwrap();
            let retired = catalog.sweep_retired(4).await.unwrap() + catalog.sweep_retired(100).await.unwrap();
            let recipes = catalog.sweep_recipes().await.unwrap();
            let condemned = catalog.condemn(&[pack]).await.unwrap().len();
            assert_eq!(catalog.abandoned_packs().await.unwrap().len(), 10);
            (uploads, retired, recipes, condemned)
        })
    });
    let swept = join(tasks.collect()).await;
    // A row that another task is sweeping is passed over, so a last sweep may find some that it gave back.
    let uploads: u64 = swept.iter().map(|swept| swept.0).sum();
    assert_eq!(uploads + catalog.sweep_uploads(100).await.unwrap(), 10);
    let retired: u64 = swept.iter().map(|swept| swept.1).sum();
    assert_eq!(retired + catalog.sweep_retired(100).await.unwrap(), 10);
    assert_eq!(swept.iter().map(|swept| swept.2).sum::<u64>(), 10);
    assert_eq!(swept.iter().map(|swept| swept.3).sum::<usize>(), 1);
    let doomed: HashSet<String> = doomed(catalog).await.into_iter().collect();
    assert_eq!((doomed.len(), catalog.doomed(100).await.unwrap().len()), (20, 20));
}

/// Chunks that the tasks of [`everything_at_once`] choose from: few, so that they share packs.
const CHUNKS: u64 = 30;

/// Saving, recoding, deleting, repacking and collecting: every page that an entry shows names live packs only.
pub async fn everything_at_once(house: &House) {
    let (repo, domain) = (repo(&*house.catalog).await, domain(&*house.catalog).await);
    let done = Arc::new(AtomicBool::new(false));
    let mut helpers = Vec::new();
    for number in 0..2 {
        let (catalog, over) = (house.handle(number), Arc::clone(&done));
        helpers.push(tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                collect(&*catalog).await;
            }
        }));
        let (catalog, over) = (house.handle(number), Arc::clone(&done));
        helpers.push(tokio::spawn(async move {
            let mut dice = Dice(100 + number as u64);
            while !over.load(Ordering::SeqCst) {
                repack(&*catalog, domain, &mut dice).await;
                assert_sound(&*catalog).await;
                let coldest = catalog.coldest(Some(repo), 4, 1 + dice.roll(3)).await.unwrap();
                let coldest: Vec<_> = coldest.into_iter().map(|entry| entry.id).collect();
                catalog.delete(&coldest, GONE).await.unwrap();
            }
        }));
    }
    let writers = (0..4).map(|number| {
        let catalog = house.handle(number);
        tokio::spawn(async move {
            let mut dice = Dice(number as u64);
            let mut swapped = 0;
            for round in 0..20 {
                save(&*catalog, repo, &slot(&format!("{number} {round}"))).await;
                swapped += u32::from(recode(&*catalog, domain, &mut dice).await);
            }
            swapped
        })
    });
    let swapped: u32 = join(writers.collect()).await.into_iter().sum();
    done.store(true, Ordering::SeqCst);
    join(helpers).await;
    assert!(swapped > 0, "some recoding came to its end");
    assert_sound(&*house.catalog).await;
    assert_all_goes(house, repo).await;
}

/// Recodes what waits longest into a recipe over random chunks, as a worker does.
async fn recode(catalog: &dyn Catalog, domain: DomainId, dice: &mut Dice) -> bool {
    let Some(claim) = catalog.claim(&[JobKind::Recode], LEASE).await.unwrap() else { return false };
    let recipe = catalog.begin_recipe(domain, LEASE).await.unwrap();
    for number in 0..3 {
        // Every third recipe's lease runs out at once, so that it may be swept at any time.
        let lease = if claim.subject % 3 == 0 { Duration::ZERO } else { LEASE };
        if !ingest(catalog, domain, (recipe, number), lease, dice).await {
            catalog.finish(&claim).await.unwrap();
            return false;
        }
    }
    let raw = RepresentationId(claim.subject);
    let swapped = catalog.swap(&claim, raw, &recoded(Source::Frames(recipe))).await.unwrap();
    if !swapped {
        catalog.finish(&claim).await.unwrap();
    }
    swapped
}

/// Finds or stores eight chunks and adds the page that names them. False when the recipe was swept.
async fn ingest(
    catalog: &dyn Catalog,
    domain: DomainId,
    (recipe, number): (RecipeId, u32),
    lease: Duration,
    dice: &mut Dice,
) -> bool {
    let wanted: Vec<u32> = (0..8).map(|_| dice.roll(CHUNKS) as u32).collect();
    let hashes: Vec<ChunkHash> = wanted.iter().copied().map(chunk).collect();
    loop {
        let found = catalog.find_chunks(domain, &hashes).await.unwrap();
        let pack = catalog.begin_pack(domain, Duration::ZERO).await.unwrap();
        let mut fresh: Vec<FrameRef> = Vec::new();
        let frames = found.into_iter().zip(&wanted).map(|(found, &number)| {
            found.unwrap_or_else(|| {
                fresh.push(frame(number, pack, fresh.len() as u32));
                fresh[fresh.len() - 1]
            })
        });
        let frames: Vec<FrameRef> = frames.collect();
        if !catalog.pack_stored(pack, ObjectHash::of(b""), 10, &fresh).await.unwrap() {
            continue;
        }
        match catalog.add_page(recipe, number, &page(number, frames), lease).await.unwrap() {
            PageAdded::Done => return true,
            PageAdded::Gone => return false,
            PageAdded::NotLive(_) => {}
        }
    }
}

/// One round of collection, without any grace.
async fn collect(catalog: &dyn Catalog) {
    catalog.sweep_recipes().await.unwrap();
    catalog.sweep_retired(5).await.unwrap();
    let unreachable = catalog.unreachable_packs().await.unwrap();
    let unreachable: Vec<PackId> = unreachable.into_iter().map(|pack| pack.id).collect();
    catalog.condemn(&unreachable).await.unwrap();
    for pack in catalog.condemned_since(Duration::ZERO).await.unwrap() {
        catalog.forget_pack(pack.id).await.unwrap();
    }
    for pack in catalog.abandoned_packs().await.unwrap() {
        catalog.forget_pack(pack).await.unwrap();
    }
}

/// Moves all that one pack holds for a few pages into a new pack.
async fn repack(catalog: &dyn Catalog, domain: DomainId, dice: &mut Dice) {
    let packs = catalog.packs(None, 100).await.unwrap();
    if packs.is_empty() {
        return;
    }
    let from = packs[dice.roll(packs.len() as u64) as usize].id;
    let pages = catalog.pages_of(&[from], None, 4).await.unwrap();
    let to = catalog.begin_pack(domain, LEASE).await.unwrap();
    let moved: Vec<(_, RecipePage)> = pages
        .into_iter()
        .map(|old| {
            let mut new = old.page.clone();
            new.frames.iter_mut().filter(|frame| frame.pack == from).for_each(|frame| frame.pack = to);
            (old, new)
        })
        .collect();
    let stored: Vec<FrameRef> =
        moved.iter().flat_map(|(_, new)| &new.frames).filter(|frame| frame.pack == to).copied().collect();
    assert!(catalog.pack_stored(to, ObjectHash::of(b""), 10, &stored).await.unwrap());
    catalog.move_frames(&moved).await.unwrap();
}

/// Panics when an entry shows a page that names a pack that is not live.
async fn assert_sound(catalog: &dyn Catalog) {
    for (recipe, number, pack) in dead_names(catalog).await {
        // The entry may have been deleted or its page rewritten since; a pack never becomes live again.
        assert!(
            !dead_names(catalog).await.contains(&(recipe, number, pack)),
            "page {number} of recipe {recipe} names pack {pack}, which is not live"
        );
    }
}

async fn dead_names(catalog: &dyn Catalog) -> HashSet<(RecipeId, u32, PackId)> {
    let mut dead = HashSet::new();
    let everything = Listing::first(1000, SortBy::Created, false);
    for (_, entry) in catalog.list(&everything).await.unwrap().entries {
        let Some(form) = catalog.current(entry.id).await.unwrap() else { continue };
        let Source::Frames(recipe) = form.source else { continue };
        for number in 0..3 {
            let Some(page) = catalog.page(recipe, number).await.unwrap() else {
                let still = catalog.current(entry.id).await.unwrap();
                assert_ne!(still.map(|form| form.source), Some(Source::Frames(recipe)), "a page is lost");
                break;
            };
            for (pack, _) in page.page.pack_bytes() {
                if catalog.pack(pack).await.unwrap().is_none_or(|pack| pack.condemned) {
                    dead.insert((recipe, number, pack));
                }
            }
        }
    }
    dead
}

/// Without entries and leases, collection leaves nothing.
async fn assert_all_goes(house: &House, repo: RepoId) {
    let catalog = &*house.catalog;
    while let Some(claim) = catalog.claim(&[JobKind::Recode], LEASE).await.unwrap() {
        catalog.finish(&claim).await.unwrap();
    }
    let entries = catalog.coldest(Some(repo), 0, 1000).await.unwrap();
    let entries: Vec<_> = entries.into_iter().map(|entry| entry.id).collect();
    catalog.delete(&entries, GONE).await.unwrap();
    house.clock.advance(LATER);
    while catalog.sweep_retired(100).await.unwrap() > 0 {}
    collect(catalog).await;
    assert_eq!(catalog.packs(None, 10).await.unwrap(), []);
    assert_eq!(catalog.pack_bytes().await.unwrap(), 0);
    assert_eq!(catalog.page_at(RecipeId(1), Measure::Raw, 0).await.unwrap(), None);
}
