//! What went, and what never came.

use super::House;
use super::fixtures::{LATER, granted, repo, save, save_sized, slot};
use crate::ids::EntryId;
use crate::rooms::{Ending, EventFilter, Form, RemovalReason, Reserved, Why};

fn of(repo: crate::ids::RepoId) -> EventFilter {
    EventFilter { repo: Some(repo), limit: 100, ..EventFilter::default() }
}

/// And all that was known of it.
pub async fn what_goes_leaves_its_reason(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let whys = [
        (Why::RepositoryLimit, RemovalReason::RepositoryLimit, None),
        (Why::Retention, RemovalReason::Retention, None),
        (Why::DiskBound, RemovalReason::DiskBound, None),
        (Why::Deleted { by: "token:1" }, RemovalReason::Deleted, Some("token:1")),
        (Why::Damaged, RemovalReason::Damaged, None),
    ];
    for (number, (why, _, _)) in whys.iter().enumerate() {
        let entry = save_sized(catalog, repo, &slot(&format!("k{number}")), number as u64).await;
        let known = catalog.entry(entry).await.unwrap().unwrap();
        house.clock.advance(LATER);
        let before = catalog.now().await.unwrap();
        assert_eq!(catalog.delete(&[entry], *why).await.unwrap(), 1);
        let gone = catalog.removals(&of(repo)).await.unwrap().remove(0);
        assert_eq!((gone.entry, gone.slot, gone.size), (entry, known.slot, known.size));
        assert_eq!((gone.created, gone.accessed), (known.created, known.accessed));
        assert!(gone.removed >= before);
        assert_eq!(gone.repository, "owner/name");
    }
    let told: Vec<_> = catalog
        .removals(&of(repo))
        .await
        .unwrap()
        .into_iter()
        .rev()
        .map(|gone| (gone.reason, gone.by))
        .collect();
    let expected: Vec<_> = whys.iter().map(|(_, reason, by)| (*reason, by.map(str::to_owned))).collect();
    assert_eq!(told, expected);
}

/// And what never was does not go.
pub async fn what_is_deleted_twice_goes_once(house: &House) {
    let repo = repo(&*house.catalog).await;
    let entry = save(&*house.catalog, repo, &slot("k")).await;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let catalog = house.handle(number);
            tokio::spawn(async move {
                catalog.delete(&[entry, EntryId(9999), entry], Why::Retention).await.unwrap()
            })
        })
        .collect();
    let mut deleted = 0;
    for task in tasks {
        deleted += task.await.unwrap();
    }
    assert_eq!(deleted, 1);
    assert_eq!(house.catalog.removals(&of(repo)).await.unwrap().len(), 1);
}

/// Whether it is swept, taken over or given up; a finalized one leaves none.
pub async fn an_upload_that_ends_leaves_a_trace(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    save(catalog, repo, &slot("saved")).await;
    granted(catalog, repo, &slot("swept")).await;
    granted(catalog, repo, &slot("taken over")).await;
    let lease_over = catalog.now().await.unwrap().0 + LATER.as_millis() as i64;
    house.clock.advance(LATER);
    house.clock.advance(LATER);
    granted(catalog, repo, &slot("taken over")).await;
    assert_eq!(catalog.sweep_uploads(10).await.unwrap(), 1);
    let given_up = granted(catalog, repo, &slot("given up")).await;
    assert!(catalog.abandon(given_up).await.unwrap());
    assert!(!catalog.abandon(given_up).await.unwrap());
    let busy = catalog.reserve(repo, &slot("taken over"), Form::Opaque, LATER).await.unwrap();
    assert_eq!(busy, Reserved::Busy);

    let unfinished = catalog.unfinished(&of(repo)).await.unwrap();
    let told: Vec<_> = unfinished.iter().map(|upload| (upload.slot.key.as_str(), upload.how)).collect();
    let expected =
        [("given up", Ending::Abandoned), ("swept", Ending::Expired), ("taken over", Ending::Expired)];
    assert_eq!(told, expected);
    assert!(
        unfinished.iter().all(|upload| upload.begun <= upload.ended && upload.repository == "owner/name")
    );
    assert!(unfinished[1].ended.0 < lease_over, "it ended when its lease did, not when it was swept");
}

/// The latest first.
pub async fn what_went_is_listed_by_page_and_key(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let other = catalog.repository("other/name", "other").await.unwrap().id;
    for (repo, key) in [(repo, "a-1"), (other, "a-2"), (repo, "b"), (repo, "a-3")] {
        let entry = save(catalog, repo, &slot(key)).await;
        catalog.delete(&[entry], Why::Retention).await.unwrap();
    }
    let keys = async |filter: EventFilter| {
        let found = catalog.removals(&filter).await.unwrap();
        found.into_iter().map(|gone| gone.slot.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(EventFilter { limit: 100, ..EventFilter::default() }).await, ["a-3", "b", "a-2", "a-1"]);
    assert_eq!(keys(EventFilter { key_prefix: Some("a-".to_owned()), ..of(repo) }).await, ["a-3", "a-1"]);
    let page = EventFilter { limit: 2, ..of(repo) };
    assert_eq!(keys(page.clone()).await, ["a-3", "b"]);
    let last = catalog.removals(&page).await.unwrap()[1].id;
    assert_eq!(keys(EventFilter { before: Some(last), ..page }).await, ["a-1"]);
}
