//! Entries but for their lookup.

use std::time::Duration;

use super::House;
use super::fixtures::{GONE, raw_of, repo, save, save_sized, slot};
use crate::ids::EntryId;
use crate::rooms::{Listing, Slot, SortBy};

const HOUR: Duration = Duration::from_secs(3600);

fn all() -> Listing {
    Listing::first(100, SortBy::Created, false)
}

async fn listed(house: &House, listing: &Listing) -> (u64, Vec<EntryId>) {
    let listed = house.catalog.list(listing).await.unwrap();
    (listed.total, listed.entries.into_iter().map(|(_, entry)| entry.id).collect())
}

/// By repository, key, beginning of the key, and scope.
pub async fn an_entry_is_listed(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let other = catalog.repository("other/name", "other").await.unwrap().id;
    let plain = save(catalog, repo, &slot("a-1")).await;
    let percent = save(catalog, repo, &slot("a%")).await;
    let dev = save(catalog, repo, &Slot { scope: "dev".to_owned(), ..slot("a-1") }).await;
    let foreign = save(catalog, other, &slot("a-1")).await;

    assert_eq!(listed(house, &all()).await, (4, vec![plain, percent, dev, foreign]));
    let own = Listing { repo: Some(repo), ..all() };
    assert_eq!(listed(house, &own).await, (3, vec![plain, percent, dev]));
    let begun = Listing { key_prefix: Some("a%".to_owned()), ..own.clone() };
    assert_eq!(listed(house, &begun).await, (1, vec![percent]));
    let whole = Listing { key: Some("a-1".to_owned()), ..own.clone() };
    assert_eq!(listed(house, &whole).await, (2, vec![plain, dev]));
    let scopes = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let scoped = Listing { scopes: scopes(&["dev", "none"]), ..own.clone() };
    assert_eq!(listed(house, &scoped).await, (1, vec![dev]));
    let both = Listing { scopes: scopes(&["dev", "refs/heads/main"]), ..own.clone() };
    assert_eq!(listed(house, &both).await, (3, vec![plain, percent, dev]));
    let none = Listing { scopes: scopes(&[]), ..own };
    assert_eq!(listed(house, &none).await, (0, vec![]));

    let (name, entry) = catalog.list(&scoped).await.unwrap().entries.remove(0);
    assert_eq!(name, "owner/name");
    assert_eq!(Some(entry), catalog.entry(dev).await.unwrap());
}

/// In each order, with ties by number.
pub async fn listings_sort_and_page(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let mut saved = Vec::new();
    for (key, size) in [("a", 5), ("b", 9), ("c", 1), ("d", 5)] {
        saved.push(save_sized(catalog, repo, &slot(key), size).await);
        house.clock.advance(HOUR);
    }
    catalog.touch(&[saved[1]]).await.unwrap();
    let (a, b, c, d) = (saved[0], saved[1], saved[2], saved[3]);

    let size = Listing { sort: SortBy::Size, ..all() };
    assert_eq!(listed(house, &size).await.1, [c, a, d, b]);
    let falling = Listing { descending: true, ..size };
    assert_eq!(listed(house, &falling).await.1, [b, d, a, c]);
    let used = Listing { sort: SortBy::Accessed, descending: true, ..all() };
    assert_eq!(listed(house, &used).await.1, [b, d, c, a]);
    let latest = Listing { descending: true, ..all() };
    assert_eq!(listed(house, &latest).await.1, [d, c, b, a]);
    let middle = Listing { offset: 1, limit: 2, ..latest.clone() };
    assert_eq!(listed(house, &middle).await, (4, vec![c, b]));
    let beyond = Listing { offset: 9, ..latest };
    assert_eq!(listed(house, &beyond).await, (4, vec![]));
}

/// A page is the same whether its entries are walked or found.
pub async fn little_of_much_is_listed_alike(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let mut saved = Vec::new();
    for number in 0..40 {
        let slot = Slot { scope: format!("s{}", number % 20), ..slot(&format!("k{}-{number}", number % 10)) };
        saved.push(save_sized(catalog, repo, &slot, 100 - number).await);
        house.clock.advance(Duration::from_secs(1));
    }
    let meant = |some: fn(usize) -> bool| {
        (0..40).filter(|number| some(*number)).map(|number| saved[number]).collect::<Vec<_>>()
    };
    let reversed = |mut entries: Vec<EntryId>| {
        entries.reverse();
        entries
    };
    let scopes = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let own = Listing { repo: Some(repo), ..all() };
    let prefix = |prefix: &str| Listing { key_prefix: Some(prefix.to_owned()), ..own.clone() };
    let few = meant(|number| number % 10 == 3);
    for sort in [SortBy::Created, SortBy::Accessed] {
        let little = Listing { sort, ..prefix("k3-") };
        assert_eq!(listed(house, &little).await, (4, few.clone()));
        let falling = Listing { descending: true, ..little };
        assert_eq!(listed(house, &falling).await.1, reversed(few.clone()));
        assert_eq!(listed(house, &Listing { offset: 1, limit: 2, ..falling }).await.1, [few[2], few[1]]);
    }
    assert_eq!(listed(house, &Listing { sort: SortBy::Size, ..prefix("k3-") }).await.1, reversed(few));
    let scoped = Listing { scopes: scopes(&["s3", "s4"]), ..own.clone() };
    assert_eq!(listed(house, &scoped).await.1, meant(|number| matches!(number % 20, 3 | 4)));
    let both = Listing { scopes: scopes(&["s3"]), ..prefix("k3") };
    assert_eq!(listed(house, &both).await, (2, vec![saved[3], saved[23]]));
    let neither = Listing { key: Some("k4-4".to_owned()), ..prefix("k3") };
    assert_eq!(listed(house, &neither).await, (0, vec![]));
    let half = Listing { scopes: Some((0..10).map(|number| format!("s{number}")).collect()), ..prefix("k") };
    assert_eq!(listed(house, &half).await.1, meant(|number| number % 20 < 10));
}

/// In every order, of everything and of a part, the pages are the list: the first ones are walked, the later ones and the
/// list are found.
pub async fn pages_put_together_are_the_list(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    for number in 0..24_u64 {
        let slot =
            Slot { scope: format!("s{}", number % 5), ..slot(&format!("k{}-{}", number % 2, number % 7)) };
        save_sized(catalog, repo, &slot, number * 7 % 10).await;
        house.clock.advance(Duration::from_secs(1));
    }
    let scopes = Some(vec!["s1".to_owned(), "s2".to_owned(), "s3".to_owned()]);
    let parts = [
        all(),
        Listing { key_prefix: Some("k1-".to_owned()), ..all() },
        Listing { scopes: scopes.clone(), ..all() },
        Listing { key_prefix: Some("k0-".to_owned()), scopes, ..all() },
    ];
    let sorts = [SortBy::Created, SortBy::Accessed, SortBy::Size, SortBy::Key, SortBy::Scope];
    for (part, sort) in parts.into_iter().flat_map(|part| sorts.map(|sort| (part.clone(), sort))) {
        for (repo, descending) in [(Some(repo), false), (Some(repo), true), (None, false), (None, true)] {
            let asked = Listing { repo, sort, descending, ..part.clone() };
            let whole = catalog.list(&asked).await.unwrap();
            let mut sorted = whole.entries.clone();
            sorted.sort_by_key(|(_, entry)| match sort {
                SortBy::Created => (entry.created.0, String::new(), String::new(), entry.id),
                SortBy::Accessed => (entry.accessed.0, String::new(), String::new(), entry.id),
                SortBy::Size => (i64::try_from(entry.size).unwrap(), String::new(), String::new(), entry.id),
                SortBy::Key => (0, entry.slot.key.clone(), entry.slot.scope.clone(), entry.id),
                SortBy::Scope => (0, entry.slot.scope.clone(), entry.slot.key.clone(), entry.id),
            });
            if descending {
                sorted.reverse();
            }
            assert_eq!(whole.entries, sorted, "{asked:?}");
            let mut pages = Vec::new();
            for offset in (0..whole.total).step_by(3) {
                let page = catalog.list(&Listing { offset, limit: 3, ..asked.clone() }).await.unwrap();
                assert_eq!(page.total, whole.total, "{asked:?}");
                pages.extend(page.entries);
            }
            assert_eq!(pages, whole.entries, "{asked:?}");
        }
    }
}

/// To now; unknown ones are passed over.
pub async fn touching_moves_an_entry(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let one = save(catalog, repo, &slot("a")).await;
    let other = save(catalog, repo, &slot("b")).await;
    let before = catalog.entry(one).await.unwrap().unwrap();
    house.clock.advance(HOUR);
    catalog.touch(&[one, EntryId(9999), one]).await.unwrap();
    catalog.touch(&[]).await.unwrap();
    let after = catalog.entry(one).await.unwrap().unwrap();
    assert!(after.accessed.0 >= before.accessed.0 + 3_600_000);
    assert_eq!(after.created, before.created);
    let untouched = catalog.entry(other).await.unwrap().unwrap();
    assert!(untouched.accessed < after.accessed);
}

/// Least recent first.
pub async fn the_idle_and_the_coldest(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let other = catalog.repository("other/name", "other").await.unwrap().id;
    let a = save(catalog, repo, &slot("a")).await;
    house.clock.advance(HOUR);
    let b = save(catalog, repo, &slot("b")).await;
    house.clock.advance(HOUR);
    let foreign = save(catalog, other, &slot("c")).await;
    house.clock.advance(HOUR);
    let d = save(catalog, repo, &slot("d")).await;

    let idle = HOUR + HOUR / 2;
    assert_eq!(catalog.idle(repo, idle, 10).await.unwrap(), [a, b]);
    assert_eq!(catalog.idle(repo, idle, 1).await.unwrap(), [a]);
    assert_eq!(catalog.idle(other, idle, 10).await.unwrap(), []);
    catalog.touch(&[a]).await.unwrap();
    assert_eq!(catalog.idle(repo, idle, 10).await.unwrap(), [b]);

    house.clock.advance(HOUR);
    catalog.touch(&[d]).await.unwrap();
    let numbers =
        |entries: Vec<crate::rooms::Entry>| entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>();
    assert_eq!(numbers(catalog.coldest(None, 0, 10).await.unwrap()), [b, foreign, a, d]);
    assert_eq!(numbers(catalog.coldest(None, 1, 2).await.unwrap()), [foreign, a]);
    assert_eq!(numbers(catalog.coldest(Some(repo), 1, 10).await.unwrap()), [a, d]);
}

/// The forms of what is deleted, and counts what was there.
pub async fn deleting_retires(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let a = save(catalog, repo, &slot("a")).await;
    let b = save(catalog, repo, &slot("b")).await;
    let raw = raw_of(catalog, a).await;
    assert_eq!(catalog.delete(&[a, EntryId(9999), a], GONE).await.unwrap(), 1);
    assert_eq!(catalog.delete(&[a], GONE).await.unwrap(), 0);
    assert_eq!(catalog.delete(&[], GONE).await.unwrap(), 0);
    assert_eq!(catalog.entry(a).await.unwrap(), None);
    assert_eq!(catalog.current(a).await.unwrap(), None);
    assert_eq!(catalog.representation(raw).await.unwrap().unwrap().entry, None);
    assert_eq!(listed(house, &all()).await, (1, vec![b]));
}

/// Not even those of the newest that were deleted.
pub async fn numbers_are_never_used_twice(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let mut last = EntryId(0);
    for _ in 0..3 {
        let entry = save(catalog, repo, &slot("a")).await;
        assert!(entry > last);
        catalog.delete(&[entry], GONE).await.unwrap();
        last = entry;
    }
}
