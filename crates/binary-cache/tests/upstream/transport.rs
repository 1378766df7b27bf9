//! Redirects, logins, folders.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use snowbank_binary_cache::upstream::{UpstreamError, UpstreamOptions, Upstreams};
use snowbank_nix::store_path::StoreDir;
use url::Url;

use crate::{
    server::{Act, Server, answer, ok},
    support::{Sample, options, said, upstreams},
};

fn redirect(to: &str) -> Act {
    Act::Send(answer("302 Found", &format!("location: {to}\r\n"), b""))
}

#[tokio::test]
async fn a_login_is_not_said_where_a_redirect_leads() {
    let sample = Sample::of(1000);
    let nar = sample.nar.clone();
    let bucket = Server::start(move |_, _| ok(&nar)).await;
    let to = bucket.url.join("bucket/x?token=1").unwrap().to_string();
    let server =
        Server::start(sample.script(move |asked, _| asked.target.ends_with("nar").then(|| redirect(&to))))
            .await;
    let mut url = server.url.clone();
    url.set_username("me").unwrap();
    url.set_password(Some("s%20t")).unwrap();
    let (result, got) = sample.fetch(&[&url]).await;
    result.unwrap();
    assert_eq!(got, sample.nar);
    for asked in server.asked() {
        // `me:s t`
        assert_eq!(asked.header("authorization"), Some("basic bwu6cyb0"), "{asked:?}");
    }
    assert_eq!((bucket.asked().len(), bucket.asked()[0].header("authorization")), (1, None));
    assert_eq!(bucket.asked()[0].header("referer"), None);
}

#[tokio::test]
async fn a_nar_elsewhere_gets_no_login() {
    let sample = Sample::of(1000);
    let nar = sample.nar.clone();
    let bucket = Server::start(move |_, _| ok(&nar)).await;
    let mut told = sample.narinfo();
    told.url = bucket.url.join("elsewhere?x=y").unwrap().to_string();
    let (target, text) = (sample.narinfo_target(), told.to_text(&StoreDir::default()));
    let script = sample.script(move |asked, _| (asked.target == target).then(|| ok(text.as_bytes())));
    let server = Server::start(script).await;
    let mut url = server.url.clone();
    url.set_username("me").unwrap();
    sample.fetch(&[&url]).await.0.unwrap();
    let asked = bucket.asked();
    assert_eq!((asked[0].target.as_str(), asked[0].header("authorization")), ("/elsewhere?x=y", None));
}

#[tokio::test]
async fn redirects_without_end_are_given_up() {
    let sample = Sample::of(1000);
    let script = sample.script(|asked, _| asked.target.ends_with("nar").then(|| redirect("/nar/sample.nar")));
    let server = Server::start(script).await;
    let error = sample.fetch(&[&server.url]).await.0.unwrap_err();
    assert!(said(&error).contains("too many redirects"), "{}", said(&error));
    assert_eq!(server.count("/nar/sample.nar"), 11);
}

#[tokio::test]
async fn a_cache_below_a_path_of_its_server_is_asked_there() {
    let sample = Sample::of(1000);
    let script = sample.script(|_, _| None);
    let server = Server::start(move |asked, before| {
        let inner = asked.target.strip_prefix("/team").unwrap().to_owned();
        script(&crate::server::Asked { target: inner, head: asked.head.clone() }, before)
    })
    .await;
    sample.fetch(&[&server.url.join("team?priority=1").unwrap()]).await.0.unwrap();
}

#[tokio::test]
async fn a_folder_is_a_cache() {
    let sample = Sample::of(300_000);
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path()).unwrap();
    let fetch = async || sample.fetch(&[&url]).await;
    assert!(matches!(fetch().await.0, Err(UpstreamError::NoCache { .. })));
    fs::write(folder.path().join("nix-cache-info"), "StoreDir: /nix/store\n").unwrap();
    assert!(matches!(fetch().await.0, Err(UpstreamError::Absent { .. })));
    fs::write(folder.path().join(&sample.narinfo_target()[1..]), sample.text()).unwrap();
    assert!(matches!(fetch().await.0, Err(UpstreamError::Absent { .. })));
    fs::create_dir_all(folder.path().join("nar/sample.nar")).unwrap();
    assert!(fetch().await.0.unwrap_err().is_outage());
    fs::remove_dir(folder.path().join("nar/sample.nar")).unwrap();
    fs::write(folder.path().join("nar/sample.nar"), &sample.nar).unwrap();
    let (result, got) = fetch().await;
    assert_eq!((result.unwrap().received, got), (300_000, sample.nar.clone()));
}

#[test]
fn the_holder_of_a_path_is_whose_key_signed_it() {
    let (mine, other) = (Sample::of(10), Sample::of(10));
    let url = |host: &str| Url::parse(&format!("https://{host}")).unwrap();
    let (a, b) = (url("a.example"), url("b.example"));
    let both = upstreams(vec![other.upstream(&a), mine.upstream(&b)]);
    assert_eq!(both.holder(&mine.info).map(|upstream| &upstream.url), Some(&b));
    assert!(upstreams(vec![other.upstream(&a)]).holder(&mine.info).is_none());
}

#[tokio::test]
async fn the_holder_is_asked_first() {
    let sample = Sample::of(1000);
    let holder = Server::start(sample.script(|_, _| None)).await;
    let other = Server::start(|_, _| crate::server::status("404 Not Found")).await;
    let stranger = Sample::of(10);
    let list = vec![stranger.upstream(&other.url), sample.upstream(&holder.url)];
    crate::support::fetch(&upstreams(list), &sample.info).await.0.unwrap();
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn no_more_transfers_go_on_at_once_than_were_said() {
    let sample = Sample::of(1000);
    let server = Server::start(sample.script(|_, _| None)).await;
    let options = UpstreamOptions { transfers: 2, ..options() };
    let upstreams = Upstreams::new(vec![sample.upstream(&server.url)], StoreDir::default(), options).unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let fetches = (0..8).map(|_| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        upstreams.fetch(&sample.info, move |_| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
    });
    for result in join_all(fetches).await {
        result.unwrap();
    }
    assert!(most.load(Ordering::SeqCst) <= 2);
}
