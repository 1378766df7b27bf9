//! A crowd: many clients of every dialect at once, in repositories and branches that must not see each other.

use std::sync::Arc;

use prost::Message;
use reqwest::Method;
use snowbank_actions::messages::{
    CreateCacheEntryRequest, CreateCacheEntryResponse, FinalizeCacheEntryUploadRequest,
    FinalizeCacheEntryUploadResponse, GetCacheEntryDownloadUrlRequest, GetCacheEntryDownloadUrlResponse,
};
use snowbank_testkit::wire::WireClient;
use tokio::sync::Barrier;

use crate::archive::{Archive, noise};
use crate::server::{block_on, snowbank, wait_until_recoded};

const CLIENTS: usize = 32;
const ROUNDS: usize = 3;
const VERSION: &str = "v";
const REPOSITORIES: [&str; 3] = ["acme/app", "acme/lib", "other/app"];
/// Each branch may read itself and the first.
const BRANCHES: [&str; 3] = ["refs/heads/main", "refs/heads/dev", "refs/pull/1/merge"];
const DIALECTS: [Dialect; 4] = [Dialect::Json, Dialect::Protobuf, Dialect::JsonBlocks, Dialect::V1];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// As the npm client: an archive that may be recoded.
    Json,
    /// The same in blocks.
    JsonBlocks,
    /// As OpenDAL.
    Protobuf,
    /// As GHES and Gitea have it.
    V1,
}

/// The n-th client. Where and how it works follows from its number.
#[derive(Clone)]
struct Member {
    number: usize,
    wire: WireClient,
    archives: Arc<Vec<Archive>>,
}

fn repository(number: usize) -> usize {
    number % REPOSITORIES.len()
}

fn branch(number: usize) -> usize {
    number / REPOSITORIES.len() % BRANCHES.len()
}

fn dialect(number: usize) -> Dialect {
    DIALECTS[number / 2 % DIALECTS.len()]
}

/// The keys of all are alike, whatever their repository and branch.
fn key(number: usize, round: usize) -> String {
    format!("nix-Linux-{number}-{round}.")
}

/// Whose key this is.
fn owner(key: &str) -> (usize, usize) {
    let (number, round) = key.strip_prefix("nix-Linux-").unwrap().split_once('-').unwrap();
    (number.parse().unwrap(), round.trim_end_matches('.').parse().unwrap())
}

impl Member {
    fn recodable(number: usize) -> bool {
        matches!(dialect(number), Dialect::Json | Dialect::JsonBlocks)
    }

    fn content(&self, number: usize, round: usize) -> Vec<u8> {
        let seed = number * ROUNDS + round;
        match dialect(number) {
            Dialect::Json | Dialect::JsonBlocks => self.archives[seed % self.archives.len()].zst.clone(),
            Dialect::Protobuf | Dialect::V1 => noise(seed as u64, 50_000 + seed * 3001),
        }
    }

    async fn call<A: Message + Default>(&self, method: &str, message: &impl Message) -> A {
        let path = format!("/twirp/github.actions.results.api.v1.CacheService/{method}");
        let headers = [("content-type", "application/protobuf")];
        let body = message.encode_to_vec().into();
        let answer = self.wire.request(Method::POST, &path, &headers, body).await;
        assert_eq!(answer.status(), 200, "{method}");
        A::decode(answer.bytes().await.unwrap()).unwrap()
    }

    async fn save(&self, round: usize) {
        let (key, content) = (key(self.number, round), self.content(self.number, round));
        let (wire, size) = (&self.wire, content.len());
        match dialect(self.number) {
            Dialect::Json => {
                wire.save(&key, VERSION, &content).await.unwrap();
            }
            Dialect::JsonBlocks => {
                let url = wire.create(&key, VERSION).await.unwrap();
                let (first, second) = content.split_at(size / 2);
                let (one, two) = tokio::join!(
                    wire.put_block(&url, "Yg==", second.to_vec()),
                    wire.put_block(&url, "YQ==", first.to_vec())
                );
                one.and(two).unwrap();
                wire.put_block_list(&url, &["YQ==", "Yg=="]).await.unwrap();
                wire.finalize(&key, VERSION, size as u64).await.unwrap();
            }
            Dialect::Protobuf => {
                let create = CreateCacheEntryRequest { key: key.clone(), version: VERSION.into() };
                let created: CreateCacheEntryResponse = self.call("CreateCacheEntry", &create).await;
                wire.put_blob(&created.signed_upload_url, content).await.unwrap();
                let finalize =
                    FinalizeCacheEntryUploadRequest { key, size_bytes: size as i64, version: VERSION.into() };
                let done: FinalizeCacheEntryUploadResponse =
                    self.call("FinalizeCacheEntryUpload", &finalize).await;
                assert!(done.ok && done.entry_id > 0);
            }
            Dialect::V1 => wire.save_v1(&key, VERSION, &content, 40_000).await.unwrap(),
        }
    }

    /// What this client gets for a key: the key that matched, and the bytes.
    async fn restore(&self, key: &str) -> Option<(String, Vec<u8>)> {
        let found = match dialect(self.number) {
            Dialect::Json | Dialect::JsonBlocks => {
                self.wire.restore(&["nothing", key], VERSION).await.unwrap()
            }
            Dialect::V1 => self.wire.restore_v1(&format!("nothing,{key}"), VERSION).await.unwrap(),
            Dialect::Protobuf => {
                let lookup = GetCacheEntryDownloadUrlRequest {
                    key: key.to_owned(),
                    restore_keys: vec![],
                    version: VERSION.into(),
                };
                let hit: GetCacheEntryDownloadUrlResponse =
                    self.call("GetCacheEntryDownloadURL", &lookup).await;
                if !hit.ok {
                    return None;
                }
                let bytes = self.wire.fetch(&hit.signed_download_url).await.unwrap();
                Some((hit.matched_key, bytes))
            }
        };
        found.map(|(key, bytes)| (key, bytes.to_vec()))
    }

    fn may_see(&self, other: usize) -> bool {
        repository(other) == repository(self.number) && [0, branch(self.number)].contains(&branch(other))
    }

    /// Restores and sees to it that what comes is somebody's whose entries may be seen, and is what that one saved.
    async fn check(&self, asked: &str) -> Option<usize> {
        let (matched, bytes) = self.restore(asked).await?;
        let (number, round) = owner(&matched);
        assert!(matched.starts_with(asked), "{} asked for {asked} and got {matched}", self.number);
        assert!(self.may_see(number), "{} must not see {matched}", self.number);
        let saved = self.content(number, round);
        let same = if Self::recodable(number) {
            zstd::decode_all(&bytes[..]).unwrap() == zstd::decode_all(&saved[..]).unwrap()
        } else {
            bytes == saved
        };
        assert!(same, "{matched} came back changed to {}", self.number);
        Some(number)
    }

    async fn take_part(self, start: Arc<Barrier>) {
        start.wait().await;
        for round in 0..ROUNDS {
            self.save(round).await;
            assert_eq!(self.check(&key(self.number, round)).await, Some(self.number));
            assert!(self.check("nix-Linux-").await.is_some(), "its own at the least");
            // Somebody else's, exactly: there or not yet there, but never one that is not to be seen.
            for step in [1, 3, 5, 9] {
                let other = (self.number + step * (round + 1)) % CLIENTS;
                let found = self.check(&key(other, round)).await;
                assert!(found.is_none() || self.may_see(other));
            }
        }
    }
}

#[test]
fn thirty_two_at_once_get_what_is_theirs() {
    let server = snowbank().env("SNOWBANK_TIMES_UPKEEP", "1s").start();
    let archives: Arc<Vec<Archive>> = Arc::new((0..8).map(|own| Archive::made(1, own, 12, 20_000)).collect());
    let mut tokens = Vec::new();
    for place in 0..REPOSITORIES.len() * BRANCHES.len() {
        let own = format!("{}:rw", BRANCHES[branch(place)]);
        let grants: Vec<&str> = if branch(place) == 0 { vec![&own] } else { vec!["refs/heads/main:r", &own] };
        tokens.push(server.token(REPOSITORIES[repository(place)], &grants));
    }
    let member = |number: usize| {
        let wire = WireClient::new(server.url(), &tokens[number % tokens.len()]);
        let wire = if Member::recodable(number) { wire } else { wire.named("sccache") };
        Member { number, wire, archives: Arc::clone(&archives) }
    };
    let members: Vec<Member> = (0..CLIENTS).map(member).collect();
    block_on(async {
        let start = Arc::new(Barrier::new(CLIENTS));
        let parts: Vec<_> =
            members.iter().map(|member| tokio::spawn(member.clone().take_part(Arc::clone(&start)))).collect();
        for part in parts {
            part.await.unwrap();
        }
    });
    wait_until_recoded(&server);
    block_on(async {
        for member in &members {
            for other in 0..CLIENTS {
                let expected = member.may_see(other).then_some(other);
                let round = (member.number + other) % ROUNDS;
                assert_eq!(member.check(&key(other, round)).await, expected, "{}", member.number);
            }
        }
    });
    server.run(&["check"]);
}
