//! The job queue and the swap.

use std::time::Duration;

use snowbank_cas::id::PackId;

use super::House;
use super::fixtures::{
    GONE, LATER, LEASE, claim_of, domain, raw_of, recipe, recoded, recoded_entry, repo, save, slot, store,
};
use crate::ids::{EntryId, RepresentationId};
use crate::rooms::{Claim, Form, JobKind, Queue, Source};

const MINUTE: Duration = Duration::from_secs(60);

async fn claim(house: &House, kinds: &[JobKind]) -> Option<Claim> {
    house.catalog.claim(kinds, LEASE).await.unwrap()
}

/// Of the kinds asked for.
pub async fn the_job_due_longest_is_claimed(house: &House) {
    let catalog = &*house.catalog;
    assert_eq!(claim(house, &[JobKind::Recode]).await, None);
    for subject in [3, 1, 2] {
        catalog.hasten(JobKind::Recode, subject).await.unwrap();
        house.clock.advance(MINUTE);
    }
    catalog.hasten(JobKind::Collect, 0).await.unwrap();
    assert_eq!(claim(house, &[JobKind::Evict]).await, None);
    assert_eq!(claim(house, &[]).await, None);
    let mut subjects = Vec::new();
    while let Some(claim) = claim(house, &[JobKind::Recode, JobKind::Evict]).await {
        assert_eq!((claim.kind, claim.attempts), (JobKind::Recode, 0));
        subjects.push(claim.subject);
    }
    assert_eq!(subjects, [3, 1, 2]);
}

/// While its lease runs, and for as long as it is renewed.
pub async fn a_job_has_one_holder(house: &House) {
    let catalog = &*house.catalog;
    catalog.hasten(JobKind::Recode, 1).await.unwrap();
    let held = claim(house, &[JobKind::Recode]).await.unwrap();
    assert_eq!(claim(house, &[JobKind::Recode]).await, None);
    house.clock.advance(LEASE - MINUTE);
    assert!(catalog.renew(&held, LEASE).await.unwrap());
    house.clock.advance(LEASE - MINUTE);
    assert_eq!(claim(house, &[JobKind::Recode]).await, None);
    catalog.finish(&held).await.unwrap();
    house.clock.advance(LATER);
    assert_eq!(claim(house, &[JobKind::Recode]).await, None);
    assert!(!catalog.renew(&held, LEASE).await.unwrap());
}

/// To the next, whose job the loser cannot end or give back.
pub async fn an_expired_claim_is_lost(house: &House) {
    let catalog = &*house.catalog;
    catalog.hasten(JobKind::Recode, 1).await.unwrap();
    let lost = claim(house, &[JobKind::Recode]).await.unwrap();
    house.clock.advance(LATER);
    let next = claim(house, &[JobKind::Recode]).await.unwrap();
    assert_eq!(next.job, lost.job);
    assert!(next.fence > lost.fence);
    assert_eq!(next.attempts, 1);
    assert!(!catalog.renew(&lost, LEASE).await.unwrap());
    catalog.finish(&lost).await.unwrap();
    catalog.give_back(&lost, Duration::ZERO).await.unwrap();
    assert_eq!(claim(house, &[JobKind::Recode]).await, None);
    assert!(catalog.renew(&next, LEASE).await.unwrap());
}

/// Not before.
pub async fn given_back_is_due_later(house: &House) {
    let catalog = &*house.catalog;
    catalog.hasten(JobKind::Recode, 1).await.unwrap();
    let first = claim(house, &[JobKind::Recode]).await.unwrap();
    catalog.give_back(&first, MINUTE).await.unwrap();
    assert!(!catalog.renew(&Claim { fence: first.fence + 1, ..first }, LEASE).await.unwrap());
    assert_eq!(claim(house, &[JobKind::Recode]).await, None);
    house.clock.advance(MINUTE * 2);
    let second = claim(house, &[JobKind::Recode]).await.unwrap();
    assert_eq!((second.job, second.attempts), (first.job, 1));
    catalog.give_back(&second, MINUTE).await.unwrap();
    catalog.hasten(JobKind::Recode, 1).await.unwrap();
    assert_eq!(claim(house, &[JobKind::Recode]).await.unwrap().attempts, 2);
}

/// It is due again as soon as it is given back: what it was asked for came too late for this run.
pub async fn asked_for_while_it_runs(house: &House) {
    let catalog = &*house.catalog;
    catalog.ensure_periodic(JobKind::Evict).await.unwrap();
    let first = claim(house, &[JobKind::Evict]).await.unwrap();
    catalog.hasten(JobKind::Evict, 0).await.unwrap();
    assert_eq!(claim(house, &[JobKind::Evict]).await, None, "it runs");
    catalog.give_back(&first, MINUTE).await.unwrap();
    let second = claim(house, &[JobKind::Evict]).await.expect("it was asked for");
    catalog.give_back(&second, MINUTE).await.unwrap();
    assert_eq!(claim(house, &[JobKind::Evict]).await, None, "only once");
}

/// However often it is seen to, and is not brought forward by that.
pub async fn a_periodic_job_is_there_once(house: &House) {
    let catalog = &*house.catalog;
    catalog.ensure_periodic(JobKind::Collect).await.unwrap();
    house.neighbour.ensure_periodic(JobKind::Collect).await.unwrap();
    let held = claim(house, &[JobKind::Collect]).await.unwrap();
    assert_eq!(held.subject, 0);
    assert_eq!(claim(house, &[JobKind::Collect]).await, None);
    catalog.give_back(&held, MINUTE).await.unwrap();
    catalog.ensure_periodic(JobKind::Collect).await.unwrap();
    assert_eq!(claim(house, &[JobKind::Collect]).await, None);
}

/// The raw form retires, the job ends, the recipe stays without a lease.
pub async fn swapping_serves_the_recipe(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let pack = store(catalog, domain(catalog).await, [1]).await;
    let entry = save(catalog, repo, &slot("a")).await;
    let raw = catalog.current(entry).await.unwrap().unwrap();
    let recipe = recipe(catalog, domain(catalog).await, &[pack]).await;
    let claim = claim_of(catalog, raw.id).await;
    let recoded = recoded(Source::Chunks(recipe));
    assert!(catalog.swap(&claim, raw.id, &recoded).await.unwrap());

    let form = catalog.current(entry).await.unwrap().unwrap();
    assert_eq!((form.entry, form.repo, form.form), (Some(entry), repo, Form::Archive));
    assert_eq!((form.source, form.size, form.etag), (recoded.source, recoded.size, recoded.etag));
    assert_eq!(catalog.representation(raw.id).await.unwrap().unwrap().entry, None);
    assert_eq!(catalog.queue(JobKind::Recode).await.unwrap(), Queue::default());
    assert!(!catalog.swap(&claim, raw.id, &recoded).await.unwrap(), "it is done");
    house.clock.advance(LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 0);
    assert_eq!(catalog.condemn(&[pack]).await.unwrap(), []);
}

/// Which is reachable from then on.
pub async fn swapping_serves_a_pack(house: &House) {
    let catalog = &*house.catalog;
    let pack = store(catalog, domain(catalog).await, [1]).await;
    let entry = save(catalog, repo(catalog).await, &slot("a")).await;
    let raw = raw_of(catalog, entry).await;
    let claim = claim_of(catalog, raw).await;
    assert!(catalog.swap(&claim, raw, &recoded(Source::Pack(pack))).await.unwrap());
    assert_eq!(catalog.current(entry).await.unwrap().unwrap().source, Source::Pack(pack));
    assert_eq!(catalog.packs_of(entry).await.unwrap(), [(pack, 1000)]);
    assert_eq!(catalog.referrers(&[pack]).await.unwrap(), [1]);
    house.clock.advance(LATER);
    assert_eq!(catalog.unreachable_packs().await.unwrap(), []);
    assert_eq!(catalog.condemn(&[pack]).await.unwrap(), []);
}

/// An entry whose swap was refused is as it was.
async fn assert_unchanged(house: &House, entry: EntryId, raw: RepresentationId) {
    let form = house.catalog.current(entry).await.unwrap().unwrap();
    assert_eq!((form.id, form.source), (raw, Source::Raw));
}

/// The fence of the next has risen.
pub async fn a_lost_claim_cannot_swap(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let entry = save(catalog, repo(catalog).await, &slot("a")).await;
    let raw = raw_of(catalog, entry).await;
    let lost = claim_of(catalog, raw).await;
    house.clock.advance(LATER);
    let held = claim_of(catalog, raw).await;
    let pack = store(catalog, domain, [1]).await;
    let recipe = recipe(catalog, domain, &[pack]).await;
    let recoded = recoded(Source::Frames(recipe));
    assert!(!catalog.swap(&lost, raw, &recoded).await.unwrap());
    assert_unchanged(house, entry, raw).await;
    assert!(catalog.renew(&held, LEASE).await.unwrap());
    assert!(catalog.swap(&held, raw, &recoded).await.unwrap());
}

/// And its recipe stays under its lease.
pub async fn a_deleted_entry_is_not_swapped(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let entry = save(catalog, repo(catalog).await, &slot("a")).await;
    let raw = raw_of(catalog, entry).await;
    let claim = claim_of(catalog, raw).await;
    let pack = store(catalog, domain, [1]).await;
    let recipe = recipe(catalog, domain, &[pack]).await;
    catalog.delete(&[entry], GONE).await.unwrap();
    assert!(!catalog.swap(&claim, raw, &recoded(Source::Frames(recipe))).await.unwrap());
    assert!(catalog.renew(&claim, LEASE).await.unwrap(), "the job is still there");
    assert!(!catalog.swap(&claim, RepresentationId(9999), &recoded(Source::Frames(recipe))).await.unwrap());
    house.clock.advance(LATER);
    assert_eq!(catalog.sweep_recipes().await.unwrap(), 1);
}

/// Nor is the job ended by the attempt.
pub async fn a_swept_recipe_is_not_swapped(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let entry = save(catalog, repo(catalog).await, &slot("a")).await;
    let raw = raw_of(catalog, entry).await;
    let pack = store(catalog, domain, [1]).await;
    let recipe = recipe(catalog, domain, &[pack]).await;
    house.clock.advance(LATER);
    catalog.sweep_recipes().await.unwrap();
    let claim = claim_of(catalog, raw).await;
    assert!(!catalog.swap(&claim, raw, &recoded(Source::Frames(recipe))).await.unwrap());
    assert!(!catalog.swap(&claim, raw, &recoded(Source::Raw)).await.unwrap());
    assert_unchanged(house, entry, raw).await;
    assert!(catalog.renew(&claim, LEASE).await.unwrap());
}

/// Nor is one that was never stored.
pub async fn a_condemned_pack_is_not_swapped(house: &House) {
    let catalog = &*house.catalog;
    let domain = domain(catalog).await;
    let entry = save(catalog, repo(catalog).await, &slot("a")).await;
    let raw = raw_of(catalog, entry).await;
    let pack = store(catalog, domain, [1]).await;
    house.clock.advance(LATER);
    catalog.condemn(&[pack]).await.unwrap();
    let writing = catalog.begin_pack(domain, LEASE).await.unwrap();
    let claim = claim_of(catalog, raw).await;
    for pack in [pack, writing, PackId(9999), PackId(u64::MAX)] {
        assert!(!catalog.swap(&claim, raw, &recoded(Source::Pack(pack))).await.unwrap());
    }
    assert_unchanged(house, entry, raw).await;
}

/// Nor its pack.
pub async fn another_domains_recipe_is_not_swapped(house: &House) {
    let catalog = &*house.catalog;
    let other = catalog.repository("other/name", "other").await.unwrap();
    let pack = store(catalog, other.domain, [1]).await;
    let (theirs, recipe) = recoded_entry(catalog, other.id, "theirs", &[pack]).await;
    let entry = save(catalog, repo(catalog).await, &slot("a")).await;
    let raw = raw_of(catalog, entry).await;
    let claim = claim_of(catalog, raw).await;
    assert!(!catalog.swap(&claim, raw, &recoded(Source::Frames(recipe))).await.unwrap());
    assert!(!catalog.swap(&claim, raw, &recoded(Source::Pack(pack))).await.unwrap());
    assert_unchanged(house, entry, raw).await;
    assert_eq!(catalog.current(theirs).await.unwrap().unwrap().source, Source::Frames(recipe));
}

/// By what each job waits for.
pub async fn the_queue_is_counted(house: &House) {
    let catalog = &*house.catalog;
    assert_eq!(catalog.queue(JobKind::Recode).await.unwrap(), Queue::default());
    for subject in 0..6 {
        catalog.hasten(JobKind::Recode, subject).await.unwrap();
    }
    catalog.hasten(JobKind::Evict, 0).await.unwrap();
    for _ in 0..2 {
        claim(house, &[JobKind::Recode]).await.unwrap();
    }
    let back = claim(house, &[JobKind::Recode]).await.unwrap();
    catalog.give_back(&back, MINUTE).await.unwrap();
    let queue = catalog.queue(JobKind::Recode).await.unwrap();
    assert_eq!(queue, Queue { ready: 3, running: 2, waiting: 1 });
    house.clock.advance(LATER);
    let queue = catalog.queue(JobKind::Recode).await.unwrap();
    assert_eq!(queue, Queue { ready: 6, running: 0, waiting: 0 });
}
