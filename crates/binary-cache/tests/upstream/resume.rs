//! A NAR that was cut off is gone on with.

use crate::{
    server::{Act, Asked, Server, answer},
    support::{Sample, said},
};

/// A whole body that is cut off after so many bytes.
fn cut(headers: &str, body: &[u8], after: usize) -> Act {
    let mut whole = answer("200 OK", headers, body);
    whole.truncate(whole.len() + after - body.len());
    Act::Send(whole)
}

/// The rest of a body, cut off after so many bytes.
fn rest(body: &[u8], from: usize, after: usize) -> Act {
    let range = format!("content-range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len());
    let mut whole = answer("206 Partial Content", &range, &body[from..]);
    whole.truncate(whole.len() + from + after - body.len());
    Act::Send(whole)
}

/// Where a request's range begins.
fn range(asked: &Asked) -> Option<usize> {
    asked
        .header("range")
        .map(|range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap())
}

/// A cache whose answers for the NAR are these.
async fn cache(sample: &Sample, nar: impl Fn(&Asked, usize, &[u8]) -> Act + Send + Sync + 'static) -> Server {
    let bytes = sample.nar.clone();
    let script =
        sample.script(move |asked, before| asked.target.ends_with("nar").then(|| nar(asked, before, &bytes)));
    Server::start(script).await
}

#[tokio::test]
async fn a_server_with_ranges_sends_only_the_rest() {
    let sample = Sample::of(100_000);
    let server = cache(&sample, |asked, before, nar| match before {
        0 => cut("accept-ranges: bytes\r\netag: \"a\"\r\n", nar, 30_000),
        _ => rest(nar, range(asked).unwrap(), if before == 1 { 20_000 } else { nar.len() }),
    })
    .await;
    let (result, got) = sample.fetch(&[&server.url]).await;
    assert_eq!((result.unwrap().received, got), (100_000, sample.nar.clone()));
    let asked: Vec<_> = server.asked().into_iter().filter(|asked| asked.target.ends_with("nar")).collect();
    let ranges: Vec<_> = asked.iter().map(range).collect();
    assert_eq!(ranges, [None, Some(30_000), Some(50_000)]);
    assert_eq!(asked[1].header("if-range"), Some("\"a\""));
}

#[tokio::test]
async fn a_server_without_ranges_sends_all_again() {
    let sample = Sample::of(100_000);
    let server = cache(&sample, |asked, before, nar| {
        assert_eq!(range(asked), None);
        if before == 0 { cut("", nar, 30_000) } else { answer_whole(nar) }
    })
    .await;
    let (result, got) = sample.fetch(&[&server.url]).await;
    assert_eq!((result.unwrap().received, got), (130_000, sample.nar.clone()));
}

fn answer_whole(nar: &[u8]) -> Act {
    Act::Send(answer("200 OK", "", nar))
}

#[tokio::test]
async fn a_server_that_goes_on_elsewhere_is_not_believed() {
    let sample = Sample::of(100_000);
    let server = cache(&sample, |_, before, nar| match before {
        0 => cut("accept-ranges: bytes\r\n", nar, 30_000),
        _ => rest(nar, 29_999, nar.len()),
    })
    .await;
    let error = sample.fetch(&[&server.url]).await.0.unwrap_err();
    assert!(said(&error).contains("went on elsewhere"), "{}", said(&error));
}

#[tokio::test]
async fn another_file_after_the_cut_is_found_out() {
    let sample = Sample::of(100_000);
    let server = cache(&sample, |_, before, nar| match before {
        0 => cut("", nar, 30_000),
        _ => answer_whole(&nar.iter().rev().copied().collect::<Vec<_>>()),
    })
    .await;
    let error = sample.fetch(&[&server.url]).await.0.unwrap_err();
    assert!(said(&error).contains("its hash is"), "{}", said(&error));
}

#[tokio::test]
async fn a_server_that_always_cuts_is_given_up() {
    let sample = Sample::of(100_000);
    let server = cache(&sample, |_, _, nar| cut("", nar, 30_000)).await;
    let error = sample.fetch(&[&server.url]).await.0.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    assert_eq!(server.count("/nar/sample.nar"), 5);
}
