//! What pages show.

use snowbank_server::settings::ByteSize;

use super::stock::keep;
use super::{open, shown, signed_in};
use crate::support::Server;

const MAIN: &str = "refs/heads/main";

/// Where each of these is in the text, which has them all.
fn order(text: &str, names: &[&str]) -> Vec<usize> {
    let mut places: Vec<(usize, usize)> = names
        .iter()
        .enumerate()
        .map(|(number, name)| (text.find(name).unwrap_or_else(|| panic!("{name}: {text}")), number))
        .collect();
    places.sort_unstable();
    places.into_iter().map(|(_, number)| number).collect()
}

#[tokio::test]
async fn repositories_are_sorted_searched_and_paged() {
    let server = Server::start().await;
    for (number, size) in [(1, 7), (2, 9), (3, 8)] {
        keep(&*server.catalog, &format!("acme/r{number}"), MAIN, "k", size).await;
    }
    for number in 0..60 {
        keep(&*server.catalog, &format!("many/m{number:02}"), MAIN, "k", 1).await;
    }
    let admin = signed_in(&server, &server.admin()).await;
    let names = ["/r/acme/r1\"", "/r/acme/r2\"", "/r/acme/r3\""];
    let page = async |target: &str| shown(&server, &admin, target).await;
    assert_eq!(order(&page("/?sort=size").await, &names), [1, 2, 0]);
    assert_eq!(order(&page("/?sort=size&dir=asc&q=ACME").await, &names), [0, 2, 1]);
    assert_eq!(order(&page("/?sort=name&dir=desc&q=acme").await, &names), [2, 1, 0]);
    let first = page("/?q=many").await;
    assert!(
        first.contains("many/m49") && !first.contains("many/m50") && first.contains("?q=many&amp;page=2"),
        "{first}"
    );
    let second = page("/?q=many&page=2").await;
    assert!(second.contains("many/m59") && !second.contains("many/m49"), "{second}");
    assert!(page("/?q=nothing").await.contains("No repository has this in its name."));
}

#[tokio::test]
async fn entries_are_sorted_searched_and_paged() {
    let server = Server::start().await;
    for (key, scope, size) in [("b", "refs/heads/z", 70), ("a", MAIN, 90), ("c", "refs/heads/a", 80)] {
        keep(&*server.catalog, "acme/app", scope, &format!("key-{key}"), size).await;
    }
    for number in 0..60 {
        keep(&*server.catalog, "acme/app", MAIN, &format!("many-{number:02}"), 1).await;
    }
    let admin = signed_in(&server, &server.admin()).await;
    let names = ["key-a", "key-b", "key-c"];
    let page = async |query: &str| shown(&server, &admin, &format!("/r/acme/app{query}")).await;
    assert_eq!(order(&page("?key=key-&sort=key").await, &names), [0, 1, 2]);
    assert_eq!(order(&page("?key=key-&sort=size").await, &names), [0, 2, 1]);
    assert_eq!(order(&page("?key=key-&sort=ref").await, &names), [2, 0, 1]);
    assert_eq!(order(&page("?key=key-").await, &names), [2, 0, 1], "the latest used first");
    let own = page("?key=key-&ref=refs/heads/main").await;
    assert!(own.contains("key-a") && !own.contains("key-b"), "{own}");
    let second = page("?key=many-&sort=key&page=2").await;
    assert!(second.contains("many-59") && !second.contains("many-49"), "{second}");
    assert!(page("?key=nothing").await.contains("No entry is like this."));
}

#[tokio::test]
async fn what_goes_next_is_told_with_its_reason() {
    let server = Server::with(|settings| settings.limits.size = ByteSize(12)).await;
    for key in ["first", "second", "third"] {
        keep(&*server.catalog, "acme/app", MAIN, key, 5).await;
    }
    let admin = signed_in(&server, &server.admin()).await;
    let page = shown(&server, &admin, "/r/acme/app/next").await;
    assert_eq!(order(&page, &["first", "second", "third"]), [0, 1, 2]);
    assert_eq!(page.matches("over its size").count(), 1, "{page}");
    assert_eq!(page.matches(">unused<").count(), 2, "{page}");
    assert!(page.contains("in 6\u{a0}days") && page.contains("125\u{a0}%"), "{page}");
    assert!(page.contains(r#"<rect class="bar" width="1000""#), "{page}");
    let all = shown(&server, &admin, "/next").await;
    assert!(all.contains(r#"href="/r/acme/app""#), "{all}");
    assert!(!all.contains("disk over its bound"), "{all}");
}

#[tokio::test]
async fn what_goes_for_the_disks_bound_is_told() {
    let server = Server::with(|settings| settings.max_disk = Some(ByteSize(12))).await;
    keep(&*server.catalog, "acme/app", MAIN, "first", 5).await;
    keep(&*server.catalog, "acme/lib", MAIN, "second", 10).await;
    let admin = signed_in(&server, &server.admin()).await;
    let page = shown(&server, &admin, "/next").await;
    assert_eq!(order(&page, &["first", "disk over its bound", "second", ">unused<"]), [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_repository_that_has_nothing_says_so() {
    let server = Server::start().await;
    let admin = signed_in(&server, &server.admin()).await;
    assert!(shown(&server, &admin, "/").await.contains("Nothing was saved yet."));
    assert!(shown(&server, &admin, "/r/acme/app").await.contains("There is no entry that you may see."));
    assert!(shown(&server, &admin, "/r/acme/app/next").await.contains("There is nothing that could go."));
    for nothing in ["/r/a%2Fb/c", "/c/none", "/r/acme"] {
        assert_eq!(open(&server, &admin, nothing).await.status, 404, "{nothing}");
    }
}
