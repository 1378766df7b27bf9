//! What our own client asks a binary cache for when it pulls: `closure` and `rows`.

use prost::Message as _;
use snowbank_binary_cache::bulk::{
    ClosureWanted, MAX_HAVE, MAX_PIECES, MAX_ROWS, Piece, Planned, RECORD, Rows,
};
use snowbank_nix::hash::NarHash;
use snowbank_server::service::Rights;
use snowbank_server::settings::{CacheSettings, Settings};

use crate::monitoring::{scrape, value};
use crate::support::{Answer, Server, noise};
use crate::views::{digits, nar};

/// A server with a public cache, `open`, and a private one, `team`.
async fn server() -> Server {
    Server::with(|settings: &mut Settings| {
        for (name, public) in [("open", true), ("team", false)] {
            settings.caches.insert(name.into(), CacheSettings { public, ..CacheSettings::default() });
        }
    })
    .await
}

fn token(server: &Server, grant: &str) -> String {
    let rights = Rights::Caches(vec![grant.parse().unwrap()]);
    server.service.mint(&rights, std::time::Duration::from_secs(600)).unwrap()
}

async fn ask(server: &Server, token: &str, method: &str, target: &str, body: &[u8]) -> Answer {
    let login = format!("Bearer {token}");
    let headers: &[(&str, &str)] = if token.is_empty() { &[] } else { &[("Authorization", &login)] };
    server.bare(method, target, headers, body).await
}

fn parts(digits: &[char]) -> Vec<String> {
    digits.iter().map(|&digit| part(digit)).collect()
}

fn part(digit: char) -> String {
    digit.to_string().repeat(32)
}

/// Pushes a path of one file, which names what it refers to; gives back its NAR.
async fn push(server: &Server, token: &str, cache: &str, path: char, references: &[char]) -> Vec<u8> {
    let names: Vec<String> = references.iter().map(|&digit| format!("{}-x", part(digit))).collect();
    let mut content = noise(300_000 + 1000 * path as usize);
    names.iter().for_each(|name| content.extend(format!("/nix/store/{name}\n").into_bytes()));
    let nar = nar(&content);
    let file = format!("nar/{}.nar", digits(&nar));
    let put = ask(server, token, "PUT", &format!("/nix/{cache}/{file}"), &nar).await;
    assert_eq!(put.status, 201, "{put:?}");
    let info = format!(
        "StorePath: /nix/store/{}-x\nURL: {file}\nCompression: none\nNarHash: {}\nNarSize: {}\nReferences: {}\n",
        part(path),
        NarHash::of(&nar),
        nar.len(),
        names.join(" ")
    );
    let target = format!("/nix/{cache}/{}.narinfo", part(path));
    let put = ask(server, token, "PUT", &target, info.as_bytes()).await;
    assert_eq!(put.status, 201, "{put:?}");
    nar
}

pub(crate) async fn closure(
    server: &Server,
    token: &str,
    cache: &str,
    roots: Vec<String>,
    have: &[char],
) -> Answer {
    let have = have.iter().map(|&digit| part(digit)).collect::<String>().into_bytes();
    let body = ClosureWanted { roots, have }.encode_to_vec();
    ask(server, token, "POST", &format!("/api/v1/nix/{cache}/closure"), &body).await
}

/// A body that came in chunks, for nobody knew how long it would be.
fn whole(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    let (mut rest, mut whole) = (answer.body.as_slice(), Vec::new());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&rest[end + 2..][..length]);
        rest = &rest[end + 2 + length + 2..];
    }
}

pub(crate) fn messages(answer: &Answer) -> Vec<Planned> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = whole(answer);
    let mut rest = body.as_slice();
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(Planned::decode_length_delimited(&mut rest).unwrap());
    }
    all
}

pub(crate) async fn rows(server: &Server, token: &str, cache: &str, pieces: Vec<Piece>) -> Answer {
    let target = format!("/api/v1/nix/{cache}/rows");
    ask(server, token, "POST", &target, &Rows { pieces }.encode_to_vec()).await
}

pub(crate) fn piece(nar: &[u8], start: u64, end: u64) -> Piece {
    Piece { nar: NarHash::of(nar).bytes().to_vec(), start, end }
}

/// Bytes of the row of a path's frames.
fn stored(planned: &Planned) -> u64 {
    let length = |record: &[u8; RECORD]| u32::from_le_bytes(record[RECORD - 4..].try_into().unwrap());
    planned.frames.as_chunks::<RECORD>().0.iter().map(|record| u64::from(length(record))).sum()
}

#[tokio::test]
async fn a_closure_is_told_once_and_without_what_is_there() {
    let server = server().await;
    let token = token(&server, "open:push");
    for (path, references) in [('1', &[][..]), ('2', &['1']), ('3', &['1', '2', '3'])] {
        push(&server, &token, "open", path, references).await;
    }
    let told = |messages: &[Planned]| -> Vec<String> {
        let mut paths: Vec<_> =
            messages.iter().filter_map(|message| Some(message.info.as_ref()?.path[..1].to_owned())).collect();
        paths.sort();
        paths
    };
    let all = messages(&closure(&server, "", "open", parts(&['3']), &[]).await);
    assert_eq!(told(&all), ["1", "2", "3"]);
    let text = scrape(&server).await;
    let hits = "snowbank_lookups_total{repository=\"open\",protocol=\"nix\",outcome=\"hit\"}";
    assert!((value(&text, hits) - 3.0).abs() < f64::EPSILON, "{text}");
    assert!(all.last().unwrap().last && all.last().unwrap().info.is_none());
    for message in &all[..3] {
        let info = message.info.as_ref().unwrap();
        assert!(info.signatures[0].starts_with("open-1:"), "{info:?}");
        assert!(message.frames.len() >= 2 * RECORD && message.frames.len() % RECORD == 0);
    }
    assert_eq!(told(&messages(&closure(&server, "", "open", parts(&['3']), &['1']).await)), ["2", "3"]);
    assert_eq!(told(&messages(&closure(&server, "", "open", parts(&['3']), &['1', '3']).await)), [""; 0]);
    let some = messages(&closure(&server, "", "open", parts(&['9', '2']), &[]).await);
    assert_eq!(told(&some), ["1", "2"]);
    assert_eq!(some.last().unwrap().absent, [part('9')]);
}

#[tokio::test]
async fn frames_of_many_nars_come_in_one_answer() {
    let server = server().await;
    let token = token(&server, "open:push");
    let (one, two) =
        (push(&server, &token, "open", '1', &[]).await, push(&server, &token, "open", '2', &[]).await);
    let all = messages(&closure(&server, "", "open", parts(&['1', '2']), &[]).await);
    let size = |nar: &[u8]| {
        let hash = NarHash::of(nar).bytes().to_vec();
        stored(
            all.iter()
                .find(|message| message.info.as_ref().is_some_and(|info| info.nar_hash == hash))
                .unwrap(),
        )
    };
    let whole = rows(&server, "", "open", vec![piece(&one, 0, size(&one)), piece(&two, 0, size(&two))]).await;
    assert_eq!(whole.header("content-length"), Some((size(&one) + size(&two)).to_string().as_str()));
    assert!(zstd::decode_all(&*whole.body).unwrap() == [one.clone(), two.clone()].concat());
    // In any order, as often as it is wanted, down to a byte.
    let (end, start) = (size(&one) as usize, size(&one) as usize + 7);
    let pieces = vec![piece(&two, 7, 9), piece(&one, size(&one) - 1, size(&one)), piece(&two, 7, 9)];
    let parts = rows(&server, "", "open", pieces).await;
    let wanted =
        [&whole.body[start..start + 2], &whole.body[end - 1..end], &whole.body[start..start + 2]].concat();
    assert_eq!(parts.body, wanted);
    let beyond = rows(&server, "", "open", vec![piece(&one, 0, size(&one) + 1)]).await;
    assert_eq!(beyond.status, 412, "{beyond:?}");
    assert_eq!(rows(&server, "", "open", Vec::new()).await.body, b"");
}

#[tokio::test]
async fn a_private_cache_looks_like_one_that_does_not_exist() {
    let server = server().await;
    let nar = push(&server, &token(&server, "team:push"), "team", '1', &[]).await;
    let stranger = token(&server, "open:push");
    for (token, status) in [("", 401), (&stranger, 404)] {
        for cache in ["team", "nothing"] {
            let answers = [
                closure(&server, token, cache, parts(&['1']), &[]).await,
                rows(&server, token, cache, vec![piece(&nar, 0, 1)]).await,
            ];
            for answer in answers {
                assert_eq!(answer.status, status, "{cache}: {answer:?}");
            }
        }
    }
    let reader = token(&server, "team:pull");
    assert_eq!(messages(&closure(&server, &reader, "team", parts(&['1']), &[]).await).len(), 2);
    assert_eq!(rows(&server, &reader, "team", vec![piece(&nar, 0, 1)]).await.status, 200);
}

#[tokio::test]
async fn a_nar_of_another_cache_is_named_and_not_sent() {
    let server = server().await;
    let here = push(&server, &token(&server, "open:push"), "open", '1', &[]).await;
    let there = push(&server, &token(&server, "team:push"), "team", '2', &[]).await;
    let answer = rows(&server, "", "open", vec![piece(&here, 0, 1), piece(&there, 0, 1)]).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&NarHash::of(&there).to_string()), "{message}");
}

#[tokio::test]
async fn what_is_too_much_or_no_message_is_refused() {
    let server = server().await;
    let nar = push(&server, &token(&server, "open:push"), "open", '1', &[]).await;
    let many = vec![piece(&nar, 0, 1); MAX_PIECES + 1];
    let refused = [
        rows(&server, "", "open", many).await,
        rows(&server, "", "open", vec![piece(&nar, 0, MAX_ROWS + 1)]).await,
        rows(&server, "", "open", vec![piece(&nar, 0, u64::MAX), piece(&nar, 0, u64::MAX)]).await,
        rows(&server, "", "open", vec![piece(&nar, 5, 5)]).await,
        rows(&server, "", "open", vec![piece(&nar, 5, 4)]).await,
        rows(&server, "", "open", vec![Piece { nar: vec![0; 31], start: 0, end: 1 }]).await,
        closure(&server, "", "open", parts(&[]), &[]).await,
        closure(&server, "", "open", parts(&['e']), &[]).await,
        closure(&server, "", "open", parts(&['1']), &['3', '2']).await,
        closure(&server, "", "open", parts(&['1']), &vec!['2'; MAX_HAVE + 1]).await,
        ask(&server, "", "POST", "/api/v1/nix/open/closure", b"\xff\xff").await,
        ask(&server, "", "POST", "/api/v1/nix/open/rows", b"\x0a\xff").await,
        ask(&server, "", "POST", "/api/v1/nix/open/rows", &vec![0; 1 << 20]).await,
    ];
    for (at, answer) in refused.iter().enumerate() {
        assert!([400, 413].contains(&answer.status), "{at}: {answer:?}");
    }
}
