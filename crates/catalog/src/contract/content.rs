//! The blocks of an upload and the content they make.

use super::House;
use super::fixtures::{GONE, LEASE, block, doomed, granted, raw_of, repo, slot};
use crate::ids::{RepoId, UploadId};
use crate::rooms::{Changed, Finalized};

async fn start(house: &House) -> (RepoId, UploadId) {
    let repo = repo(&*house.catalog).await;
    (repo, granted(&*house.catalog, repo, &slot("a")).await)
}

async fn add(house: &House, upload: UploadId, id: &str, object: &str, size: u64) {
    let changed = house.catalog.add_block(upload, &block(id, object, size), LEASE).await.unwrap();
    assert_eq!(changed, Changed::Done);
}

async fn commit(house: &House, upload: UploadId, ids: &[&str]) -> Changed {
    let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
    house.catalog.commit_blocks(upload, &ids, LEASE).await.unwrap()
}

/// Finalizes and gives the objects of the entry in order.
async fn objects(house: &House, repo: RepoId, size: u64) -> Vec<String> {
    let outcome = house.catalog.finalize(repo, &slot("a"), size).await.unwrap();
    let Finalized::Entry(entry) = outcome else { panic!("{outcome:?}") };
    let raw = raw_of(&*house.catalog, entry).await;
    house.catalog.segments(raw).await.unwrap().into_iter().map(|segment| segment.object).collect()
}

/// Not the order of arrival.
pub async fn a_list_orders_the_content(house: &House) {
    let (repo, upload) = start(house).await;
    for id in ["c", "a", "b"] {
        add(house, upload, id, id, 1).await;
    }
    assert_eq!(commit(house, upload, &["a", "b", "c"]).await, Changed::Done);
    assert_eq!(commit(house, upload, &["b", "c", "a"]).await, Changed::Done);
    assert_eq!(objects(house, repo, 3).await, ["b", "c", "a"]);
}

/// And names the block.
pub async fn a_list_with_an_unknown_block_changes_nothing(house: &House) {
    let (repo, upload) = start(house).await;
    add(house, upload, "a", "a", 1).await;
    assert_eq!(commit(house, upload, &["a"]).await, Changed::Done);
    assert_eq!(commit(house, upload, &["a", "x"]).await, Changed::UnknownBlock(b"x".to_vec()));
    assert_eq!(objects(house, repo, 1).await, ["a"]);
}

/// When no content holds it.
pub async fn a_new_block_dooms_the_one_it_replaces(house: &House) {
    let (repo, upload) = start(house).await;
    add(house, upload, "a", "first", 1).await;
    add(house, upload, "b", "other", 1).await;
    add(house, upload, "a", "second", 2).await;
    assert_eq!(doomed(&*house.catalog).await, ["first"]);
    commit(house, upload, &["a", "b"]).await;
    assert_eq!(objects(house, repo, 3).await, ["second", "other"]);
}

/// Until a list takes the successor.
pub async fn a_committed_block_outlives_its_successor(house: &House) {
    let (repo, upload) = start(house).await;
    add(house, upload, "a", "first", 1).await;
    commit(house, upload, &["a"]).await;
    add(house, upload, "a", "second", 2).await;
    assert_eq!(doomed(&*house.catalog).await, [""; 0]);
    assert_eq!(house.catalog.blocks(upload).await.unwrap().len(), 2);
    commit(house, upload, &["a"]).await;
    assert_eq!(doomed(&*house.catalog).await, ["first"]);
    assert_eq!(objects(house, repo, 2).await, ["second"]);
}

/// In a list; it is doomed once when the entry goes.
pub async fn a_block_may_come_twice(house: &House) {
    let (repo, upload) = start(house).await;
    add(house, upload, "a", "a", 2).await;
    commit(house, upload, &["a", "a"]).await;
    assert_eq!(objects(house, repo, 4).await, ["a", "a"]);
    let hit = house.catalog.lookup(repo, &[slot("a").scope], "v1", &["a".to_owned()]).await.unwrap().unwrap();
    house.catalog.delete(&[hit.entry.id], GONE).await.unwrap();
    house.catalog.sweep_retired(10).await.unwrap();
    assert_eq!(doomed(&*house.catalog).await, ["a"]);
}

/// Committed ones too.
pub async fn one_block_replaces_all(house: &House) {
    let (repo, upload) = start(house).await;
    let catalog = &*house.catalog;
    add(house, upload, "a", "a", 1).await;
    commit(house, upload, &["a"]).await;
    add(house, upload, "b", "b", 1).await;
    let put = block("put", "put", 9);
    assert_eq!(catalog.replace_content(upload, Some(&put), LEASE).await.unwrap(), Changed::Done);
    assert_eq!(doomed(catalog).await, ["a", "b"]);
    assert_eq!(catalog.blocks(upload).await.unwrap(), [put]);
    assert_eq!(commit(house, upload, &["a"]).await, Changed::UnknownBlock(b"a".to_vec()));
    assert_eq!(objects(house, repo, 9).await, ["put"]);
}

/// After a creation with nothing.
pub async fn appending_adds_to_the_end(house: &House) {
    let (repo, upload) = start(house).await;
    let catalog = &*house.catalog;
    catalog.append(upload, &block("old", "old", 3), LEASE).await.unwrap();
    catalog.replace_content(upload, None, LEASE).await.unwrap();
    for name in ["x", "y", "z"] {
        assert_eq!(catalog.append(upload, &block(name, name, 2), LEASE).await.unwrap(), Changed::Done);
    }
    assert_eq!(objects(house, repo, 6).await, ["x", "y", "z"]);
    assert_eq!(doomed(catalog).await, ["old"]);
}

/// Blocks that no list named.
pub async fn finalize_dooms_what_is_not_content(house: &House) {
    let (repo, upload) = start(house).await;
    for id in ["a", "b", "c"] {
        add(house, upload, id, id, 1).await;
    }
    commit(house, upload, &["b"]).await;
    assert_eq!(objects(house, repo, 1).await, ["b"]);
    assert_eq!(doomed(&*house.catalog).await, ["a", "c"]);
}

/// And without one, by arrival.
pub async fn blocks_come_by_position(house: &House) {
    let (_, upload) = start(house).await;
    for (id, position) in [("a", Some(20)), ("b", None), ("c", Some(0)), ("d", Some(10)), ("e", None)] {
        let mut block = block(id, id, 1);
        block.position = position;
        house.catalog.add_block(upload, &block, LEASE).await.unwrap();
    }
    let blocks = house.catalog.blocks(upload).await.unwrap();
    let order: Vec<_> = blocks.iter().map(|block| block.object.as_str()).collect();
    assert_eq!(order, ["b", "e", "c", "d", "a"]);
    assert_eq!(blocks[3].position, Some(10));
}

/// Sent at once through both handles, some of them twice: none is lost, and each replaced one is doomed.
pub async fn many_blocks_at_once(house: &House) {
    let (repo, upload) = start(house).await;
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let catalog = house.handle(number);
            let block = block(&format!("{:02}", number % 48), &format!("object {number:02}"), 1);
            tokio::spawn(async move { catalog.add_block(upload, &block, LEASE).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Changed::Done);
    }
    assert_eq!(doomed(&*house.catalog).await.len(), 16);
    let ids: Vec<Vec<u8>> = (0..48).map(|number| format!("{number:02}").into_bytes()).collect();
    assert_eq!(house.neighbour.commit_blocks(upload, &ids, LEASE).await.unwrap(), Changed::Done);
    assert_eq!(objects(house, repo, 48).await.len(), 48);
}
