//! A server that tells what it is told to tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use prost::Message as _;
use snowbank_binary_cache::bulk::{Planned, Rows};
use snowbank_cas::frame::Encoder;
use snowbank_cas::id::{ChunkHash, FrameHash};
use snowbank_cas::pack::PackEntry;
use tokio::net::TcpListener;

use crate::site::{Effort, Site};

/// A chunk of a few hundred bytes.
pub(crate) fn chunk(seed: u32) -> Vec<u8> {
    snowbank_testkit::noise::noise(100 + seed as usize, u64::from(seed)).to_vec()
}

/// Chunks as the row of frames that a server keeps.
pub(crate) fn row(chunks: &[Vec<u8>]) -> Vec<(PackEntry, Vec<u8>)> {
    let mut encoder = Encoder::new(1).unwrap();
    let frame = |raw: &Vec<u8>| {
        let bytes = encoder.encode(raw).unwrap();
        let (chunk, frame) = (ChunkHash::of(raw), FrameHash::of(&bytes));
        let (raw_len, stored_len) = (raw.len() as u32, bytes.len() as u32);
        (PackEntry { chunk, frame, raw_len, stored_len }, bytes)
    };
    chunks.iter().map(frame).collect()
}

pub(crate) fn record(entry: &PackEntry) -> Vec<u8> {
    let (raw, stored) = (entry.raw_len.to_le_bytes(), entry.stored_len.to_le_bytes());
    [entry.chunk.as_bytes().as_slice(), entry.frame.as_bytes(), &raw, &stored].concat()
}

pub(crate) fn last() -> Planned {
    Planned { last: true, ..Planned::default() }
}

pub(crate) fn stream(messages: &[Planned]) -> Vec<u8> {
    messages.iter().flat_map(prost::Message::encode_length_delimited_to_vec).collect()
}

/// What it answers with, and what it was asked for.
#[derive(Clone, Default)]
pub(crate) struct Server {
    /// The answer to `closure`.
    pub(crate) closure: Vec<u8>,
    /// Rows of frames by the hash of their NAR.
    pub(crate) rows: HashMap<Vec<u8>, Vec<u8>>,
    pub(crate) asked: Arc<Mutex<Vec<Rows>>>,
}

impl Server {
    pub(crate) async fn start(self) -> Site {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let place = format!("http://{}/nix/team", listener.local_addr().unwrap()).parse().unwrap();
        let closure = self.closure.clone();
        let router = Router::new()
            .route("/api/v1/nix/team/closure", post(move || async move { closure }))
            .route("/api/v1/nix/team/rows", post(move |body: Bytes| async move { self.rows(&body) }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let effort = Effort { attempts: 1, wait: Duration::from_secs(5) };
        Site::new(place, None, "test", effort).unwrap()
    }

    fn rows(&self, body: &[u8]) -> Result<Vec<u8>, StatusCode> {
        let asked = Rows::decode(body).unwrap();
        let piece = |piece: &snowbank_binary_cache::bulk::Piece| {
            let row = self.rows.get(&piece.nar).ok_or(StatusCode::NOT_FOUND)?;
            Ok::<_, StatusCode>(
                row.get(piece.start as usize..piece.end as usize).ok_or(StatusCode::BAD_REQUEST)?.to_vec(),
            )
        };
        let answer = asked.pieces.iter().map(piece).collect::<Result<Vec<_>, _>>()?.concat();
        self.asked.lock().unwrap().push(asked);
        Ok(answer)
    }
}
