//! Limits that are set while the server runs.

use super::House;
use crate::rooms::{LimitChange, LimitKind, SetLimit};

fn change(name: &str, kind: LimitKind, value: Option<u64>) -> LimitChange {
    LimitChange { name: name.to_owned(), kind, value }
}

fn set(name: &str, kind: LimitKind, value: u64) -> SetLimit {
    SetLimit { name: name.to_owned(), kind, value }
}

/// Every process sees it, under the name in any case.
pub async fn a_limit_is_set_and_set_no_longer(house: &House) {
    let catalog = &*house.catalog;
    let changes = [
        change("Owner/Name", LimitKind::Size, Some(5)),
        change("owner", LimitKind::Size, Some(u64::MAX)),
        change("", LimitKind::Retention, Some(7)),
    ];
    catalog.set_limits(&changes).await.unwrap();
    let of = async |names: &[&str]| house.neighbour.limits_of(names).await.unwrap();
    assert_eq!(of(&["OWNER/name", "other"]).await, [set("owner/name", LimitKind::Size, 5)]);
    assert_eq!(of(&["own", "owner/"]).await, []);
    assert_eq!(of(&["owner"]).await, [set("owner", LimitKind::Size, i64::MAX.unsigned_abs())]);
    assert_eq!(house.neighbour.limits().await.unwrap().len(), 3);

    let changes = [change("owner/name", LimitKind::Size, Some(6)), change("OWNER", LimitKind::Size, None)];
    catalog.set_limits(&changes).await.unwrap();
    let expected = [set("", LimitKind::Retention, 7), set("owner/name", LimitKind::Size, 6)];
    assert_eq!(house.neighbour.limits().await.unwrap(), expected);
    catalog.set_limits(&[change("nobody", LimitKind::MaxSize, None)]).await.unwrap();
    assert_eq!(house.neighbour.limits().await.unwrap(), expected);
}

/// Whoever sets several at once never mixes with another.
pub async fn all_limits_are_set_or_none(house: &House) {
    let tasks = (0..8).map(|number| {
        let catalog = house.handle(number as usize);
        let changes = [
            change("", LimitKind::Size, Some(number)),
            change("", LimitKind::MaxSize, Some(number)),
            change("owner", LimitKind::Retention, Some(number)),
        ];
        tokio::spawn(async move { catalog.set_limits(&changes).await.unwrap() })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let values: Vec<u64> = house.catalog.limits().await.unwrap().iter().map(|limit| limit.value).collect();
    assert!(values.len() == 3 && values.iter().all(|value| *value == values[0]), "{values:?}");
}
