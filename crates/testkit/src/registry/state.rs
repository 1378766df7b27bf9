//! What a stand-in has and was asked.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::modes::Modes;

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// The status of the answer; 0 where there was none.
    pub status: u16,
    /// Bytes of its body that arrived.
    pub bytes: u64,
    /// Whether it said who asks.
    pub authorized: bool,
    /// Whether it came to the other server.
    pub elsewhere: bool,
    /// Its `Content-Range`.
    pub range: Option<String>,
    /// Whether it said how long its body is.
    pub sized: bool,
}

/// An upload under way.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) bytes: Vec<u8>,
    /// Whether a range was shorter than ranges must be, so that it must be the last.
    pub(super) short: bool,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) modes: Modes,
    pub(super) log: Vec<Logged>,
    pub(super) blobs: BTreeMap<(String, String), Bytes>,
    pub(super) manifests: BTreeMap<(String, String), (String, Bytes)>,
    pub(super) sessions: HashMap<String, Session>,
    /// Tokens: for what they are, and how often they were used.
    pub(super) tokens: HashMap<String, (Vec<String>, u32)>,
    pub(super) next: u64,
}

impl State {
    /// A number that was not given before.
    pub(super) fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// Counts down; whether there was something to count.
pub(super) fn take(count: &mut u32) -> bool {
    let there = *count > 0;
    *count = count.saturating_sub(1);
    there
}
