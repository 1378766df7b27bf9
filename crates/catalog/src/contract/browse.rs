//! What people look at.

use std::time::Duration;

use super::House;
use super::fixtures::{repo, save, save_sized, slot};
use super::nix_fixtures::{PLAIN, PULL, add, cache, info, seen_from};
use crate::ids::RepoId;
use crate::rooms::{Holdings, Names, RepositoryListing, RepositorySort, UsageInAll};

fn listing(sort: RepositorySort, descending: bool) -> RepositoryListing {
    RepositoryListing { of: None, text: None, sort, descending, offset: 0, limit: 9 }
}

/// In each order, those that may be listed, by parts of their names and in pages; what is empty is not there.
pub async fn repositories_are_listed_and_searched(house: &House) {
    let catalog = &*house.catalog;
    for (name, size) in [("Acme/app", 5), ("acme/lib", 7), ("beta/app", 5)] {
        let repo = catalog.repository(name, name).await.unwrap().id;
        save_sized(catalog, repo, &slot("a"), size).await;
        house.clock.advance(Duration::from_secs(60));
    }
    let app = catalog.find_repository("acme/app").await.unwrap().unwrap().id;
    save_sized(catalog, app, &slot("b"), 0).await;
    catalog.repository("acme/empty", "acme").await.unwrap();

    let listed = async |listing: &RepositoryListing| {
        let listed = catalog.repositories(listing).await.unwrap();
        let names = listed.page.into_iter().map(|(usage, _)| usage.repository.name);
        (listed.all, listed.found, names.collect::<Vec<_>>())
    };
    let names = async |listing: &RepositoryListing| listed(listing).await.2;
    let all =
        |repositories, entries, bytes| UsageInAll { repositories, holdings: Holdings { entries, bytes } };

    let by_name = listing(RepositorySort::Name, false);
    let three = ["Acme/app", "acme/lib", "beta/app"];
    assert_eq!(listed(&by_name).await, (all(3, 4, 17), 3, three.map(str::to_owned).to_vec()));
    let orders = [
        (RepositorySort::Name, true, ["beta/app", "acme/lib", "Acme/app"]),
        (RepositorySort::Bytes, false, ["Acme/app", "beta/app", "acme/lib"]),
        (RepositorySort::Bytes, true, ["acme/lib", "Acme/app", "beta/app"]),
        (RepositorySort::Entries, false, ["acme/lib", "beta/app", "Acme/app"]),
        (RepositorySort::Entries, true, ["Acme/app", "acme/lib", "beta/app"]),
        (RepositorySort::Used, false, ["acme/lib", "beta/app", "Acme/app"]),
        (RepositorySort::Used, true, ["Acme/app", "beta/app", "acme/lib"]),
    ];
    for (sort, descending, expected) in orders {
        assert_eq!(names(&listing(sort, descending)).await, expected, "{sort:?} {descending}");
    }

    let text = |text: &str| RepositoryListing { text: Some(text.to_owned()), ..by_name.clone() };
    let found = listed(&text("ACME/")).await;
    assert_eq!(found, (all(3, 4, 17), 2, vec!["Acme/app".to_owned(), "acme/lib".to_owned()]));
    assert_eq!(names(&text("%")).await, [""; 0]);
    let second = RepositoryListing { offset: 1, limit: 1, ..by_name.clone() };
    assert_eq!(names(&second).await, ["acme/lib"]);

    let of = |names: &[Names]| RepositoryListing { of: Some(names.to_vec()), ..by_name.clone() };
    let (owner, one) = (Names::Owner("ACME".to_owned()), Names::One("beta/APP".to_owned()));
    assert_eq!(listed(&of(std::slice::from_ref(&owner))).await.0, all(2, 3, 12));
    assert_eq!(names(&of(&[owner, one.clone()])).await, three);
    assert_eq!(names(&of(&[one])).await, ["beta/app"]);
    assert_eq!(
        names(&of(&[Names::One("beta/ap".to_owned()), Names::Owner("bet".to_owned())])).await,
        [""; 0]
    );
    assert_eq!(listed(&of(&[])).await, (UsageInAll::default(), 0, vec![]));

    let (usage, used) = catalog.repositories(&second).await.unwrap().page.remove(0);
    let last_used = catalog.last_used(&[usage.repository.id]).await.unwrap();
    assert_eq!(used, Some(last_used[0].1));
}

/// The latest of its entries; nothing for one that has none.
pub async fn a_repository_remembers_its_last_use(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let empty = catalog.repository("owner/empty", "owner").await.unwrap();
    let first = save(catalog, repo, &slot("a")).await;
    house.clock.advance(Duration::from_secs(60));
    let second = save(catalog, repo, &slot("b")).await;
    let asked = [repo, empty.id, RepoId(i64::MAX)];
    let accessed = catalog.entry(second).await.unwrap().unwrap().accessed;
    assert_eq!(catalog.last_used(&asked).await.unwrap(), [(repo, accessed)]);
    house.clock.advance(Duration::from_secs(60));
    catalog.touch(&[first]).await.unwrap();
    let accessed = catalog.entry(first).await.unwrap().unwrap().accessed;
    assert_eq!(catalog.last_used(&asked).await.unwrap(), [(repo, accessed)]);
    assert_eq!(catalog.last_used(&[]).await.unwrap(), []);
}

/// The newest first, those of the views that are asked for, as many as are asked for.
pub async fn the_newest_paths_come_first(house: &House) {
    let catalog = &*house.catalog;
    let cache = cache(catalog).await;
    let first = add(catalog, &cache, PLAIN, info(1, &[]), 1).await;
    let second = add(catalog, &cache, PULL, info(2, &[]), 2).await;
    let third = add(catalog, &cache, PLAIN, info(3, &[]), 3).await;
    let newest = async |views: Vec<String>, limit| {
        let paths = catalog.newest_paths(cache.id, &views, limit).await.unwrap();
        paths.into_iter().map(|path| path.id).collect::<Vec<_>>()
    };
    assert_eq!(newest(seen_from(PLAIN), 9).await, [third.id, first.id]);
    assert_eq!(newest(seen_from(PULL), 9).await, [third.id, second.id, first.id]);
    assert_eq!(newest(seen_from(PULL), 2).await, [third.id, second.id]);
    assert_eq!(newest(Vec::new(), 9).await, []);
}
