//! The client against a server that says what a test wrote down.

use std::time::{Duration, UNIX_EPOCH};

use super::{Filter, Repository, RestClient, Usage};
use crate::client::tests::script::{Script, TOKEN, answer, json};
use crate::client::{ClientError, Options, Patience, Token};

fn client(script: &Script) -> RestClient {
    let patience = Patience { attempts: 2, total: Duration::from_secs(5), ..Patience::default() };
    let (url, user_agent) = (format!("{}/api/v3/", script.url), "test".to_owned());
    RestClient::new(Options { url, token: Token::new(TOKEN), user_agent, patience }).unwrap()
}

fn repository() -> Repository {
    "acme/app".parse().unwrap()
}

fn cache(id: u64) -> String {
    format!(
        r#"{{"id":{id},"ref":"refs/heads/main","key":"k-{id}","version":"v","size_in_bytes":7,
            "last_accessed_at":"2022-07-04T11:58:15.810000000Z","created_at":"2022-07-04T11:58:15.8100000Z"}}"#
    )
}

fn page(ids: impl IntoIterator<Item = u64>) -> String {
    let caches: Vec<_> = ids.into_iter().map(cache).collect();
    json("200 OK", &format!(r#"{{"total_count":150,"actions_caches":[{}]}}"#, caches.join(",")))
}

#[tokio::test]
async fn a_listing_is_all_pages_and_each_entry_once() {
    let script = Script::of(&[&page((51..=150).rev()), &page((1..=51).rev())]).await;
    let filter = Filter { key_prefix: Some("k #".to_owned()), scope: Some("refs/heads/main".to_owned()) };
    let listed = client(&script).list(&repository(), &filter, 1000).await.unwrap();
    assert!(listed.complete);
    let ids: Vec<_> = listed.entries.iter().map(|entry| entry.id).collect();
    assert_eq!(ids, (1..=150).rev().collect::<Vec<_>>());
    let time = UNIX_EPOCH + Duration::from_millis(1_656_935_895_810);
    assert_eq!((listed.entries[0].created, listed.entries[0].accessed), (time, time));
    let asked = script.asked();
    assert!(asked[0].starts_with("GET /api/v3/repos/acme/app/actions/caches?per_page=100&"), "{}", asked[0]);
    assert!(asked[0].contains("&key=k+%23&ref=refs%2Fheads%2Fmain&page=1 HTTP"), "{}", asked[0]);
    assert!(asked[0].contains("authorization: Bearer s3cret-token\r\n"), "{}", asked[0]);
    assert!(asked[1].contains("&page=2 HTTP"), "{}", asked[1]);
}

#[tokio::test]
async fn a_listing_ends_where_its_caller_says() {
    let script = Script::of(&[&page(1..=100), &page(101..=200)]).await;
    let listed = client(&script).list(&repository(), &Filter::default(), 120).await.unwrap();
    assert_eq!((listed.entries.len(), listed.complete), (120, false));
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn what_is_deleted_was_there_or_not() {
    let gone = json("404 Not Found", r#"{"message":"Not Found","documentation_url":"","status":"404"}"#);
    let some = page([7]);
    let script =
        Script::of(&["HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", &gone, &some, &gone]).await;
    let client = client(&script);
    assert!(client.delete(&repository(), 7).await.unwrap());
    assert!(!client.delete(&repository(), 7).await.unwrap());
    let deleted = client.delete_key(&repository(), "a b", Some("refs/heads/main")).await.unwrap();
    assert_eq!(deleted[0].key, "k-7");
    assert!(client.delete_key(&repository(), "a b", None).await.unwrap().is_empty());
    let asked = script.asked();
    assert!(asked[0].starts_with("DELETE /api/v3/repos/acme/app/actions/caches/7 HTTP"), "{}", asked[0]);
    assert!(
        asked[2].starts_with("DELETE /api/v3/repos/acme/app/actions/caches?key=a+b&ref="),
        "{}",
        asked[2]
    );
}

#[tokio::test]
async fn usage_and_limit_are_asked_for() {
    let usage =
        r#"{"full_name":"acme/app","active_caches_size_in_bytes":4200000000,"active_caches_count":3}"#;
    let kept = json("403 Forbidden", r#"{"message":"Resource not accessible by integration"}"#);
    let limit = json("200 OK", r#"{"max_cache_size_gb":20}"#);
    let script = Script::of(&[&json("200 OK", usage), &kept, &limit]).await;
    let client = client(&script);
    assert_eq!(client.usage(&repository()).await.unwrap(), Usage { entries: 3, bytes: 4_200_000_000 });
    assert_eq!(client.limit(&repository()).await.unwrap(), None);
    assert_eq!(client.limit(&repository()).await.unwrap(), Some(20_000_000_000));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let denied = json("403 Forbidden", r#"{"message":"not with s3cret-token"}"#);
    let missing = json("404 Not Found", r#"{"message":"Not Found"}"#);
    let script = Script::of(&[&denied, &missing]).await;
    let client = client(&script);
    let error = client.usage(&repository()).await.unwrap_err();
    assert!(matches!(error, ClientError::Denied { .. }), "{error:?}");
    assert!(error.to_string().ends_with("(403 Forbidden): not with ***"), "{error}");
    let error = client.usage(&repository()).await.unwrap_err();
    assert!(matches!(error, ClientError::Missing { .. }) && !error.is_outage(), "{error:?}");
}

#[tokio::test]
async fn a_403_that_is_a_limit_is_waited_for() {
    let after = answer("403 Forbidden", "Retry-After: 0\r\n", "secondary rate limit");
    let reset = answer("403 Forbidden", "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1\r\n", "");
    let usage = r#"{"full_name":"acme/app","active_caches_size_in_bytes":1,"active_caches_count":1}"#;
    let script = Script::of(&[&after, &json("200 OK", usage), &reset, &json("200 OK", usage)]).await;
    for _ in 0..2 {
        client(&script).usage(&repository()).await.unwrap();
    }
    let long = Script::of(&[&answer("403 Forbidden", "Retry-After: 3600\r\n", "")]).await;
    let error = client(&long).usage(&repository()).await.unwrap_err();
    assert!(matches!(error, ClientError::Limited { .. }), "{error:?}");
}

#[tokio::test]
async fn answers_that_cannot_be_right_are_garbage() {
    let no_time = cache(1).replace("2022-07-04T11:58:15.810000000Z", "yesterday");
    let no_time = format!(r#"{{"total_count":1,"actions_caches":[{no_time}]}}"#);
    let long = format!(r#"{{"total_count":0,"actions_caches":[],"x":"{}"}}"#, "x".repeat(4 << 20));
    for body in ["<html>login", r#"{"total_count":1}"#, &no_time, &long] {
        let script = Script::of(&[&json("200 OK", body)]).await;
        let error = client(&script).list(&repository(), &Filter::default(), 10).await.unwrap_err();
        assert!(matches!(error, ClientError::Garbage { .. }), "{body:.40}: {error:?}");
    }
}
