//! The catalog in numbers.

use std::time::Duration;

use snowbank_cas::id::PackId;

use super::House;
use super::fixtures::{LATER, LEASE, domain, granted, repo, save_sized, slot, store};
use super::nix_fixtures::{PLAIN, add, cache, info};
use crate::rooms::{Inventory, JobKind};

/// Condemned packs apart from live ones.
pub async fn what_is_there_is_counted(house: &House) {
    let catalog = &*house.catalog;
    assert_eq!(catalog.inventory().await.unwrap(), Inventory::default());
    let repo = repo(catalog).await;
    save_sized(catalog, repo, &slot("a"), 10).await;
    save_sized(catalog, repo, &slot("b"), 20).await;
    granted(catalog, repo, &slot("c")).await;
    assert_eq!(catalog.uploads().await.unwrap(), 1);
    let domain = domain(catalog).await;
    let condemned = store(catalog, domain, 0..3).await;
    house.clock.advance(LATER);
    assert_eq!(catalog.condemn(&[condemned]).await.unwrap(), [condemned]);
    let live: PackId = store(catalog, domain, 3..5).await;
    let counted = catalog.inventory().await.unwrap();
    let size = |pack| async move { catalog.pack(pack).await.unwrap().unwrap().size };
    let expected = Inventory {
        entries: 2,
        entry_bytes: 30,
        live_packs: 1,
        live_pack_bytes: size(live).await,
        condemned_packs: 1,
        condemned_pack_bytes: size(condemned).await,
        chunks: 2,
        paths: 0,
    };
    assert_eq!(counted, expected);
    let cache = cache(catalog).await;
    add(catalog, &cache, PLAIN, info(1, &[]), 1).await;
    assert_eq!(catalog.inventory().await.unwrap().paths, 1);
}

/// Of those that wait to be claimed.
pub async fn the_oldest_job_is_told(house: &House) {
    let catalog = &*house.catalog;
    let oldest = async || catalog.oldest_ready(JobKind::Recode).await.unwrap().map(|age| age.as_secs() / 60);
    assert_eq!(oldest().await, None);
    for subject in [1, 2] {
        catalog.hasten(JobKind::Recode, subject).await.unwrap();
        house.clock.advance(Duration::from_secs(65));
    }
    assert_eq!(oldest().await, Some(2));
    assert_eq!(catalog.oldest_ready(JobKind::Evict).await.unwrap(), None);
    let claim = catalog.claim(&[JobKind::Recode], LEASE).await.unwrap().unwrap();
    assert_eq!((claim.subject, oldest().await), (1, Some(1)));
}

/// And where all is well there are no faults.
pub async fn a_probe_changes_nothing(house: &House) {
    house.catalog.probe().await.unwrap();
    house.catalog.probe().await.unwrap();
    assert_eq!(house.catalog.inventory().await.unwrap(), Inventory::default());
    assert_eq!(house.catalog.faults(), 0);
}
