//! A repository, and what happens to it beside the side that is looked at.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;
use snowbank_testkit::{
    noise::{Noise, noise},
    snowbank::Snowbank,
    wire::WireClient,
};

/// Entries that other tools make in a day.
const OTHERS: u64 = 4;

/// Nights in a row in which an entry was not used, after which it goes.
const RETENTION: usize = 7;

/// What other tools' keys begin with.
const OTHER: &str = "other-";

pub(super) struct Repository<'a> {
    server: &'a Snowbank,
    name: String,
    admin: WireClient,
    /// When each entry was used last, and since how many nights that is so.
    used: HashMap<u64, (String, usize)>,
}

impl<'a> Repository<'a> {
    pub(super) fn new(server: &'a Snowbank, name: &str) -> Self {
        let admin = server.run(&["token", "create", "--admin"]);
        let admin = WireClient::new(server.url(), admin.trim());
        Self { server, name: name.to_owned(), admin, used: HashMap::new() }
    }

    pub(super) fn url(&self) -> &str {
        self.server.url()
    }

    pub(super) fn token(&self, scopes: &[&str]) -> String {
        self.server.token(&self.name, scopes)
    }

    pub(super) fn client(&self, scopes: &[&str]) -> WireClient {
        WireClient::new(self.url(), &self.token(scopes))
    }

    /// Entries of other tools, of so many bytes together.
    pub(super) async fn crowd(&self, bytes: u64, day: u64) {
        let client = self.client(&["refs/heads/main:rw"]);
        for number in 0..OTHERS {
            let content = noise((bytes / OTHERS) as usize, day * OTHERS + number);
            let saved = client.save(&format!("{OTHER}{day}-{number}"), "other", &content).await;
            saved.expect("another tool can save");
        }
    }

    /// Entries go because nobody uses them any more, and `vanish` of a thousand for no reason. Returns the bytes of those
    /// that are not other tools'.
    pub(super) async fn night(&mut self, chance: &mut Noise, vanish: usize) -> f64 {
        let mut size = 0;
        let mut used = HashMap::new();
        let mut entries = self.entries().await;
        // In the order in which they were made: the same chance hits the same.
        entries.sort_by_key(|entry| entry["id"].as_u64());
        for entry in entries {
            let id = entry["id"].as_u64().expect("an entry has a number");
            let last = entry["last_accessed_at"].as_str().unwrap_or_default().to_owned();
            let nights = match self.used.get(&id) {
                Some((before, nights)) if *before == last => nights + 1,
                _ => 0,
            };
            if nights >= RETENTION || chance.below(1000) < vanish {
                self.delete(id).await;
                continue;
            }
            used.insert(id, (last, nights));
            if !entry["key"].as_str().is_some_and(|key| key.starts_with(OTHER)) {
                size += entry["size_in_bytes"].as_u64().unwrap_or_default();
            }
        }
        self.used = used;
        size as f64 / 1e6
    }

    async fn entries(&self) -> Vec<Value> {
        let path = format!("/api/v1/caches?repo={}&limit=1000", self.name);
        let get = "GET".parse().expect("a method");
        let answer = self.admin.request(get, &path, &[], Bytes::new()).await;
        let body = answer.bytes().await.expect("an answer has a body");
        let listed: Value = serde_json::from_slice(&body).expect("a list is JSON");
        listed["caches"].as_array().cloned().expect("a list of entries")
    }

    /// An entry that has gone meanwhile is none to delete.
    async fn delete(&self, id: u64) {
        let delete = "DELETE".parse().expect("a method");
        self.admin.request(delete, &format!("/api/v1/caches/{id}"), &[], Bytes::new()).await;
    }
}
