//! Places, and servers that do not answer as they should.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use proptest::prelude::*;
use snowbank_binary_cache::bulk::{Missing, Offered};
use tokio::net::TcpListener;

use super::*;

#[test]
fn the_calls_lie_beside_the_cache() {
    let call = |cache: &str| cache.parse::<SitePlace>().unwrap().call("packs/ab").to_string();
    assert_eq!(call("http://host:1/nix/team"), "http://host:1/api/v1/nix/team/packs/ab");
    assert_eq!(call("https://host/below/nix/team/?x=1#y"), "https://host/below/api/v1/nix/team/packs/ab");
    for wrong in ["", "team", "http://host", "http://host/nix/", "http://host/nix/a/b", "file:///nix/x"] {
        assert!(wrong.parse::<SitePlace>().is_err(), "{wrong}");
    }
}

#[test]
fn a_login_in_the_url_is_told_to_nobody() {
    let place: SitePlace = "http://me:hidden@host/nix/team".parse().unwrap();
    assert_eq!(place.to_string(), "http://host/nix/team");
    let error = "http://me:hidden@host/other".parse::<SitePlace>().unwrap_err();
    assert!(!error.to_string().contains("hidden"), "{error}");
}

#[test]
fn a_token_is_never_shown() {
    let place: SitePlace = "http://host/nix/team".parse().unwrap();
    let new = |token| Site::new(place.clone(), Some(token), "test", Effort::default());
    assert!(!format!("{:?}", new("hidden").unwrap()).contains("hidden"));
    for wrong in ["", "two words", "line\n", "é"] {
        assert!(!new(wrong).unwrap_err().to_string().contains("words"), "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_place_is_the_same_when_it_is_read_again(text in "https?://[a-z]{1,8}(:[1-9][0-9]{0,3})?(/[a-z]{1,5}){0,3}/nix/[a-z-]{1,8}/?") {
        let place: SitePlace = text.parse().unwrap();
        prop_assert_eq!(&place.to_string().parse::<SitePlace>().unwrap(), &place);
    }
}

async fn site(router: Router) -> Site {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let place = format!("http://{}/nix/team", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let effort = Effort { attempts: 2, wait: Duration::from_secs(5) };
    Site::new(place, Some("hidden"), "test", effort).unwrap()
}

async fn asked(answer: (StatusCode, &'static str)) -> (ClientError, u64) {
    let site =
        site(Router::new().route("/api/v1/nix/team/missing", post(move || async move { answer }))).await;
    let asked = site.ask::<Missing>("ask what is missing", "missing", &Offered::default(), 10).await;
    (asked.unwrap_err(), site.traffic().requests)
}

#[tokio::test]
async fn only_what_may_pass_is_tried_again() {
    let (error, requests) = asked((StatusCode::BAD_GATEWAY, "busy")).await;
    assert!(error.is_outage() && requests == 2, "{error}");
    assert!(error.to_string().contains("502 Bad Gateway: busy"), "{error}");
    let (error, requests) = asked((StatusCode::FORBIDDEN, r#"{"message": "not yours"}"#)).await;
    assert!(matches!(error, ClientError::Denied { .. }) && requests == 1, "{error}");
    assert!(error.to_string().contains(": not yours"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_no_message_is_refused() {
    let (error, _) = asked((StatusCode::OK, "more than ten bytes")).await;
    assert!(error.to_string().contains("more than 10 bytes"), "{error}");
    let (error, _) = asked((StatusCode::OK, "text")).await;
    assert!(error.to_string().contains("no message"), "{error}");
}
