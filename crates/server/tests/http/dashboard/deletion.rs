//! Deleting entries.

use super::stock::{keep, pack, with_snapshots};
use super::{open, send, shown, signed_in};
use crate::support::Server;

const DELETE: &str = "/r/acme/app/delete";

async fn keys(server: &Server) -> Vec<String> {
    let mut keys: Vec<_> =
        server.catalog.coldest(None, 0, 100).await.unwrap().into_iter().map(|entry| entry.slot.key).collect();
    keys.sort();
    keys
}

async fn id(server: &Server, key: &str) -> String {
    let entries = server.catalog.coldest(None, 0, 100).await.unwrap();
    entries.iter().find(|entry| entry.slot.key == key).unwrap().id.to_string()
}

#[tokio::test]
async fn several_entries_go_after_a_question() {
    let server = Server::start().await;
    for key in ["a", "b", "c"] {
        keep(&*server.catalog, "acme/app", "refs/heads/main", key, 5).await;
    }
    let admin = signed_in(&server, &server.admin()).await;
    let chosen =
        [("id", &*id(&server, "a").await), ("id", &*id(&server, "b").await), ("back", "?sort=key&dir=asc")];
    let question = send(&server, &admin, DELETE, &chosen).await;
    assert_eq!(question.status, 200);
    let text = question.text();
    assert!(text.contains("<h1>Delete these entries?</h1>") && text.contains("2\u{a0}entries"), "{text}");
    assert_eq!(keys(&server).await, ["a", "b", "c"], "a question deletes nothing");

    let answer = send(&server, &admin, DELETE, &[&chosen[..], &[("sure", "yes")]].concat()).await;
    let back = "/r/acme/app?sort=key&dir=asc&deleted=2";
    assert_eq!((answer.status, answer.header("location")), (303, Some(back)), "{answer:?}");
    assert_eq!(keys(&server).await, ["c"]);
    assert!(shown(&server, &admin, back).await.contains("2\u{a0}entries were deleted."));
    let again = send(&server, &admin, DELETE, &chosen).await;
    assert_eq!(again.status, 404, "{again:?}");
}

#[tokio::test]
async fn only_what_a_token_may_delete_goes() {
    let server = Server::start().await;
    for (repository, scope, key) in [
        ("acme/app", "refs/heads/main", "own"),
        ("acme/app", "refs/heads/read", "readable"),
        ("acme/app", "refs/heads/hidden", "hidden"),
        ("acme/lib", "refs/heads/main", "other"),
    ] {
        keep(&*server.catalog, repository, scope, key, 5).await;
    }
    let token = server.token_for("acme/app", &["refs/heads/main:rw", "refs/heads/read:r"]);
    let cookie = signed_in(&server, &token).await;
    let delete = async |target: &str, key: &str| {
        send(&server, &cookie, target, &[("id", &id(&server, key).await), ("sure", "yes")]).await.status
    };
    assert_eq!(delete(DELETE, "readable").await, 403);
    assert_eq!(delete(DELETE, "hidden").await, 303, "as one that is not there");
    assert_eq!(delete(DELETE, "other").await, 303, "it is not of this repository");
    assert_eq!(delete("/r/acme/lib/delete", "other").await, 404);
    assert_eq!(keys(&server).await, ["hidden", "other", "own", "readable"]);
    assert_eq!(delete(DELETE, "own").await, 303);
    assert_eq!(keys(&server).await, ["hidden", "other", "readable"]);
    assert_eq!(send(&server, "", DELETE, &[("id", "1"), ("sure", "yes")]).await.status, 401);
}

#[tokio::test]
async fn a_form_that_means_nothing_is_told_so() {
    let server = Server::start().await;
    let admin = signed_in(&server, &server.admin()).await;
    let many = (1..3000).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    for (ids, status) in [("", 400), ("x", 400), ("1,", 400), (&*many, 400), ("99999999999999999999", 400)] {
        assert_eq!(send(&server, &admin, DELETE, &[("id", ids)]).await.status, status, "{ids}");
    }
    assert_eq!(send(&server, &admin, DELETE, &[]).await.status, 400);
    let large = "1,".repeat(40_000);
    assert_eq!(send(&server, &admin, DELETE, &[("id", &large)]).await.status, 413);
}

/// A snapshot goes with the packs that nothing else names.
#[tokio::test]
async fn a_snapshot_is_one_line() {
    let server = with_snapshots().await;
    let admin = signed_in(&server, &server.admin()).await;
    let page = shown(&server, &admin, "/r/acme/app?sort=key").await;
    let plain = page.replace('\u{a0}', " ");
    assert!(plain.contains("Snapshot, 2 generations, 2 packs"), "{plain}");
    assert!(plain.contains("Snapshot, 1 generation, 2 packs"), "{plain}");
    assert!(plain.contains("1 pack that no newest generation here names"), "{plain}");
    let rows: Vec<_> = page.split("<tr").skip(2).collect();
    assert_eq!(rows.len(), 4, "{page}");
    let line = rows.iter().find(|row| row.contains("nix-linux")).unwrap();
    let ids = line.split_once(r#"name="id" value=""#).unwrap().1.split('"').next().unwrap();
    let answer = send(&server, &admin, DELETE, &[("id", ids), ("sure", "yes")]).await;
    assert_eq!(answer.header("location"), Some("/r/acme/app?deleted=3"), "{answer:?}");
    let mut left =
        vec![pack([2; 32]), pack([3; 32]), pack([4; 32]), "nix-darwin#1".into(), "npm-4f2a".into()];
    left.sort();
    assert_eq!(keys(&server).await, left);
}

/// A search does not see everything, so what it finds takes no pack with it.
#[tokio::test]
async fn a_search_shows_a_snapshot_with_its_packs_and_leaves_those() {
    let server = with_snapshots().await;
    let admin = signed_in(&server, &server.admin()).await;
    let page = shown(&server, &admin, "/r/acme/app?key=nix-d").await.replace('\u{a0}', " ");
    assert!(
        page.contains("Snapshot, 1 generation, 2 packs") && page.contains("2 of them may be needed"),
        "{page}"
    );
    let ids = page.split_once(r#"name="id" value=""#).unwrap().1.split('"').next().unwrap();
    assert_eq!(ids, id(&server, "nix-darwin#1").await);
    let packs = open(&server, &admin, "/r/acme/app?key=snowbank-pack-").await.text();
    assert_eq!(packs.matches(r#"type="checkbox""#).count(), 4, "{packs}");
}
