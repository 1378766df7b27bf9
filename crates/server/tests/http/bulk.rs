//! Many paths at once: packs, NARs of their frames, and one publication.

use std::time::Duration;

use prost::Message;
use snowbank_binary_cache::bulk::{
    Missing, NewNar, NewNars, Offer, Offered, Publish, Run, Source, WireInfo, source,
};
use snowbank_cas::frame::Encoder;
use snowbank_cas::id::{ChunkHash, ObjectHash};
use snowbank_cas::pack::PackBuilder;
use snowbank_nix::hash::NarHash;
use snowbank_server::service::Rights;
use snowbank_server::settings::CacheSettings;

use crate::support::{Answer, Server};

const HOUR: Duration = Duration::from_secs(3600);
const HELLO: &str = "xv2iccirbrvklck36f1g7vldn5v58vck-hello";
const WORLD: &str = "0123456789abcdfghijklmnpqrsvwxyz-world";

/// A server with two caches of one owner and one of another.
async fn server() -> Server {
    Server::with(|settings| {
        for (name, owner) in [("team", "acme"), ("sibling", "acme"), ("stranger", "other")] {
            let cache = CacheSettings { owner: Some(owner.to_owned()), ..CacheSettings::default() };
            settings.caches.insert(name.to_owned(), cache);
        }
    })
    .await
}

async fn token(server: &Server, grant: &str) -> String {
    let rights = Rights::Caches(vec![grant.parse().unwrap()]);
    server.service.create_token(&rights, "test", HOUR).await.unwrap()
}

async fn send(server: &Server, token: &str, method: &str, call: &str, body: &[u8]) -> Answer {
    let login = format!("Bearer {token}");
    let headers: &[(&str, &str)] = if token.is_empty() { &[] } else { &[("Authorization", &login)] };
    server.bare(method, &format!("/api/v1/nix/{call}"), headers, body).await
}

pub(crate) async fn post(server: &Server, token: &str, call: &str, message: &impl Message) -> Answer {
    send(server, token, "POST", call, &message.encode_to_vec()).await
}

/// The NAR of a file, in chunks: what is around the content, and the content.
pub(crate) fn nar(content: &[u8]) -> [Vec<u8>; 3] {
    let mut whole = Vec::new();
    for text in [b"nix-archive-1".as_slice(), b"(", b"type", b"regular", b"contents", content, b")"] {
        whole.extend_from_slice(&(text.len() as u64).to_le_bytes());
        whole.extend_from_slice(text);
        whole.resize(whole.len().next_multiple_of(8), 0);
    }
    let start = whole.windows(8).position(|word| word == b"contents").unwrap() + 16;
    let (head, rest) = whole.split_at(start);
    let (middle, tail) = rest.split_at(content.len());
    [head, middle, tail].map(<[u8]>::to_vec)
}

/// A pack of these chunks, and its hash.
pub(crate) fn pack(chunks: &[Vec<u8>]) -> (Vec<u8>, ObjectHash) {
    let (mut builder, mut bytes) = (PackBuilder::default(), Vec::new());
    for chunk in chunks {
        let frame = Encoder::new(1).unwrap().encode(chunk).unwrap();
        builder.push(ChunkHash::of(chunk), chunk.len() as u32, &frame).unwrap();
        bytes.extend(frame);
    }
    let whole = [bytes, builder.finish().1].concat();
    let hash = ObjectHash::of(&whole);
    (whole, hash)
}

pub(crate) async fn put(server: &Server, token: &str, cache: &str, chunks: &[Vec<u8>]) -> ObjectHash {
    let (bytes, hash) = pack(chunks);
    let answer = send(server, token, "PUT", &format!("{cache}/packs/{hash}"), &bytes).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    hash
}

pub(crate) fn of_pack(hash: ObjectHash) -> Source {
    Source { of: Some(source::Of::Pack(hash.as_bytes().to_vec())) }
}

fn of_nar(hash: NarHash) -> Source {
    Source { of: Some(source::Of::Nar(hash.bytes().to_vec())) }
}

/// A NAR of the first `count` frames of one source.
pub(crate) fn made(source: Source, hash: NarHash, count: u32) -> NewNars {
    let runs = vec![Run { source: 0, first: 0, count }];
    NewNars { sources: vec![source], nars: vec![NewNar { hash: hash.bytes().to_vec(), runs }] }
}

pub(crate) fn info(path: &str, nar: &[Vec<u8>], references: &[&str]) -> WireInfo {
    let nar = nar.concat();
    WireInfo {
        path: path.to_owned(),
        nar_hash: NarHash::of(&nar).bytes().to_vec(),
        nar_size: nar.len() as u64,
        references: references.iter().map(|&path| path.to_owned()).collect(),
        ..WireInfo::default()
    }
}

pub(crate) fn hash(nar: &[Vec<u8>]) -> NarHash {
    NarHash::of(&nar.concat())
}

async fn missing(server: &Server, token: &str, cache: &str, offers: &[(&str, NarHash)]) -> Missing {
    let offer =
        |(path, hash): &(&str, NarHash)| Offer { path: (*path).to_owned(), nar_hash: hash.bytes().to_vec() };
    let offered = Offered { paths: offers.iter().map(offer).collect() };
    let answer = post(server, token, &format!("{cache}/missing"), &offered).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    Missing::decode(&*answer.body).unwrap()
}

/// The status of a path's info.
async fn shown(server: &Server, token: &str, cache: &str, path: &str) -> u16 {
    let login = format!("Bearer {token}");
    let part = &path[..32];
    let target = format!("/nix/{cache}/{part}.narinfo");
    server.bare("GET", &target, &[("Authorization", &login)], b"").await.status
}

#[tokio::test]
async fn a_closure_becomes_visible_all_at_once() {
    let server = server().await;
    let token = token(&server, "team:push").await;
    let (hello, world) = (nar(b"hello"), nar(format!("after /nix/store/{HELLO}").as_bytes()));
    let offers = [(HELLO, hash(&hello)), (WORLD, hash(&world))];
    let asked = missing(&server, &token, "team", &offers).await;
    assert_eq!((asked.nars, asked.infos.len(), asked.known.len()), (vec![0, 1], 0, 0));
    let pack = put(&server, &token, "team", &[hello.as_slice(), &world].concat()).await;
    let run = |first, nar: &[Vec<u8>]| NewNar {
        hash: hash(nar).bytes().to_vec(),
        runs: vec![Run { source: 0, first, count: 3 }],
    };
    let nars = NewNars { sources: vec![of_pack(pack)], nars: vec![run(0, &hello), run(3, &world)] };
    assert_eq!(post(&server, &token, "team/nars", &nars).await.status, 201);
    assert_eq!(shown(&server, &token, "team", HELLO).await, 404);
    let publish = Publish { paths: vec![info(WORLD, &world, &[HELLO]), info(HELLO, &hello, &[])] };
    assert_eq!(post(&server, &token, "team/paths", &publish).await.status, 201);
    assert_eq!(shown(&server, &token, "team", HELLO).await, 200);
    assert_eq!(shown(&server, &token, "team", WORLD).await, 200);
    let asked = missing(&server, &token, "team", &offers).await;
    assert_eq!((asked.nars.len(), asked.infos.len(), asked.known.len()), (0, 0, 0));
    let digits = hash(&world).to_string().replace("sha256:", "");
    let login = format!("Bearer {token}");
    let headers = [("Authorization", login.as_str())];
    let served = server.bare("GET", &format!("/nix/team/nar/{digits}.nar"), &headers, b"").await;
    assert!(served.body == world.concat(), "{served:?}");
}

#[tokio::test]
async fn what_was_sent_need_not_be_sent_again() {
    let server = server().await;
    let token = token(&server, "team:push").await;
    let hello = nar(b"hello");
    let offers = [(HELLO, hash(&hello))];
    let pack = put(&server, &token, "team", &hello).await;
    let asked = missing(&server, &token, "team", &offers).await;
    assert_eq!((asked.nars, asked.known.len()), (vec![0], 1));
    assert_eq!(asked.known[0].source, Some(of_pack(pack)));
    let chunks: Vec<u8> = hello.iter().flat_map(|chunk| *ChunkHash::of(chunk).as_bytes()).collect();
    assert_eq!(asked.known[0].chunks, chunks);
    let nars = made(of_pack(pack), hash(&hello), 3);
    for _ in 0..2 {
        assert_eq!(post(&server, &token, "team/nars", &nars).await.status, 201);
    }
    let asked = missing(&server, &token, "team", &offers).await;
    assert_eq!((asked.nars.len(), asked.infos), (0, vec![0]));
}

#[tokio::test]
async fn the_chunks_of_an_older_path_of_the_name_can_be_named() {
    let server = server().await;
    let token = token(&server, "team:push").await;
    let old = nar(b"hello");
    let pack = put(&server, &token, "team", &old).await;
    post(&server, &token, "team/nars", &made(of_pack(pack), hash(&old), 3)).await;
    let publish = Publish { paths: vec![info(HELLO, &old, &[])] };
    assert_eq!(post(&server, &token, "team/paths", &publish).await.status, 201);
    let again = "zv2iccirbrvklck36f1g7vldn5v58vck-hello";
    let pusher = self::token(&server, "team:push").await;
    let asked = missing(&server, &pusher, "team", &[(again, hash(&nar(b"other")))]).await;
    assert_eq!(asked.known[0].source, Some(of_nar(hash(&old))));
    let nars = made(of_nar(hash(&old)), hash(&old), 3);
    assert_eq!(post(&server, &pusher, "team/nars", &nars).await.status, 201);
}

#[tokio::test]
async fn nobody_names_what_he_did_not_send_and_may_not_read() {
    let server = server().await;
    let owner = token(&server, "team:push").await;
    let hello = nar(b"hello");
    let pack = put(&server, &owner, "team", &hello).await;
    let nars = made(of_pack(pack), hash(&hello), 3);
    post(&server, &owner, "team/nars", &nars).await;
    let publish = Publish { paths: vec![info(HELLO, &hello, &[])] };
    assert_eq!(post(&server, &owner, "team/paths", &publish).await.status, 201);
    let (colleague, sibling) = (token(&server, "team:push").await, token(&server, "sibling:push").await);
    let stranger = token(&server, "stranger:push").await;
    for (token, cache, nars) in [
        (&colleague, "team", nars.clone()),
        (&sibling, "sibling", nars.clone()),
        (&sibling, "sibling", made(of_nar(hash(&hello)), hash(&hello), 3)),
        (&stranger, "stranger", made(of_nar(hash(&hello)), hash(&hello), 3)),
    ] {
        let answer = post(&server, token, &format!("{cache}/nars"), &nars).await;
        assert!(answer.status == 412 && answer.text().contains("is not here"), "{answer:?}");
        let publish = post(&server, token, &format!("{cache}/paths"), &publish).await;
        let expected = if cache == "team" { 201 } else { 412 };
        assert_eq!(publish.status, expected, "{cache}: {publish:?}");
    }
    let answer = post(&server, &stranger, "team/nars", &nars).await;
    assert_eq!(answer.status, 404, "{answer:?}");
}

#[tokio::test]
async fn only_who_may_push_does() {
    let server = server().await;
    let reader = token(&server, "team:pull").await;
    let (bytes, hash) = pack(&nar(b"hello"));
    for (token, status) in [(reader.as_str(), 403), ("", 401), ("no token", 401)] {
        for call in ["missing", "nars", "paths"] {
            let answer = post(&server, token, &format!("team/{call}"), &Offered::default()).await;
            assert_eq!(answer.status, status, "{call}: {answer:?}");
        }
        let answer = send(&server, token, "PUT", &format!("team/packs/{hash}"), &bytes).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn frames_that_make_something_else_are_refused() {
    let server = server().await;
    let token = token(&server, "team:push").await;
    let hello = nar(b"hello");
    let pack = put(&server, &token, "team", &hello).await;
    let of = || of_pack(pack);
    let good = hash(&hello);
    let runs = |runs: &[(u32, u32, u32)]| {
        let run = |&(source, first, count): &(u32, u32, u32)| Run { source, first, count };
        let nar = NewNar { hash: good.bytes().to_vec(), runs: runs.iter().map(run).collect() };
        NewNars { sources: vec![of()], nars: vec![nar] }
    };
    let cases = [
        (made(of(), NarHash::of(b"other"), 3), 400, "they make one of hash"),
        (made(of(), NarHash::of(&hello[..2].concat()), 2), 400, "do not make it"),
        (runs(&[]), 400, "do not make it"),
        (runs(&[(0, 0, 4)]), 400, "where there are none"),
        (runs(&[(0, u32::MAX, 2)]), 400, "where there are none"),
        (runs(&[(1, 0, 3)]), 400, "where there are none"),
        (runs(&[(0, 0, 3), (0, 0, 3)]), 400, "do not make it"),
        (NewNars { sources: vec![Source { of: None }], ..runs(&[]) }, 400, "neither a pack nor a NAR"),
        (made(of_pack(ObjectHash::of(b"x")), good, 3), 412, "push again"),
    ];
    for (nars, status, why) in cases {
        let answer = post(&server, &token, "team/nars", &nars).await;
        assert!(answer.status == status && answer.text().contains(why), "{nars:?}: {answer:?}");
    }
    let asked = missing(&server, &token, "team", &[(HELLO, good)]).await;
    assert_eq!(asked.infos.len(), 0, "nothing of it waits");
}

#[tokio::test]
async fn packs_that_are_none_are_refused() {
    let server = server().await;
    let token = token(&server, "team:push").await;
    let (bytes, hash) = pack(&nar(b"hello"));
    let mut flipped = bytes.clone();
    flipped[9] ^= 1;
    let other = ObjectHash::of(b"other");
    for (name, body, why) in [
        (hash.to_string(), b"garbage".to_vec(), "not a pack"),
        (hash.to_string(), bytes[..bytes.len() - 1].to_vec(), "not a pack"),
        (ObjectHash::of(&flipped).to_string(), flipped, "not kept as it is"),
        (other.to_string(), bytes.clone(), "has the hash"),
        ("zz".to_owned(), bytes.clone(), "is no pack's hash"),
    ] {
        let answer = send(&server, &token, "PUT", &format!("team/packs/{name}"), &body).await;
        assert!(answer.status == 400 && answer.text().contains(why), "{name}: {answer:?}");
    }
    let asked = missing(&server, &token, "team", &[(HELLO, NarHash::of(b"x"))]).await;
    assert_eq!(asked.known.len(), 0);
}

#[tokio::test]
async fn a_closure_that_is_not_whole_is_refused_with_names() {
    let server = server().await;
    let token = token(&server, "team:push").await;
    let world = nar(format!("after /nix/store/{HELLO}").as_bytes());
    let pack = put(&server, &token, "team", &world).await;
    assert_eq!(post(&server, &token, "team/nars", &made(of_pack(pack), hash(&world), 3)).await.status, 201);
    let good = info(WORLD, &world, &[HELLO]);
    for (paths, status, why) in [
        (vec![good.clone()], 412, HELLO),
        (vec![info(WORLD, &world, &[WORLD])], 400, "which its NAR does not name"),
        (vec![WireInfo { nar_size: 1, ..info(WORLD, &world, &[]) }], 400, "is said to have"),
        (vec![info(WORLD, &world, &[]), info(HELLO, &nar(b"hello"), &[])], 412, HELLO),
        (vec![WireInfo { path: "../x".into(), ..good.clone() }], 400, "is no store path"),
    ] {
        let answer = post(&server, &token, "team/paths", &Publish { paths }).await;
        assert!(answer.status == status && answer.text().contains(why), "{why}: {answer:?}");
        assert_eq!(shown(&server, &token, "team", WORLD).await, 404, "{why}");
    }
}

#[tokio::test]
async fn messages_that_are_none_are_refused() {
    let server = server().await;
    let token = token(&server, "team:push").await;
    let many = Offered { paths: vec![Offer::default(); (1 << 16) + 1] };
    for (call, body, why) in [
        ("missing", vec![0xff; 9], "no such message"),
        ("nars", vec![0xff; 9], "no such message"),
        ("paths", vec![0xff; 9], "no such message"),
        ("missing", many.encode_to_vec(), "there may be 65536 paths"),
        ("missing", Offered { paths: vec![Offer::default()] }.encode_to_vec(), "is no store path"),
    ] {
        let answer = send(&server, &token, "POST", &format!("team/{call}"), &body).await;
        assert!(answer.status == 400 && answer.text().contains(why), "{call}: {answer:?}");
    }
}
