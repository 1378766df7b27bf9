//! A server that says what a test wrote down.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{CacheClient, DownloadUrl, Options, Patience, Token};

pub(in crate::client) const TOKEN: &str = "s3cret-token";

/// Answers one connection each, in order, and keeps what was asked.
pub(in crate::client) struct Script {
    pub(in crate::client) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// `HOST` in an answer becomes the server's own address; an empty answer never comes.
    pub(in crate::client) async fn of(answers: &[&str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let answers: Vec<_> = answers.iter().map(|answer| answer.replace("HOST", &host)).collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut hanging = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(request) = request(&mut stream).await else { continue };
                log.lock().unwrap().push(request);
                if answer.is_empty() {
                    hanging.push(stream);
                } else {
                    // The client may have had enough before the end.
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            }
            std::future::pending::<()>().await;
        });
        Self { url: format!("http://{host}"), asked }
    }

    pub(in crate::client) fn client(&self) -> CacheClient {
        self.patient(Patience {
            connect: Duration::from_secs(5),
            stall: Duration::from_millis(500),
            attempts: 2,
            total: Duration::from_secs(5),
        })
    }

    pub(in crate::client) fn patient(&self, patience: Patience) -> CacheClient {
        let (url, user_agent) = (format!("{}/base/", self.url), "test".to_owned());
        CacheClient::new(Options { url, token: Token::new(TOKEN), user_agent, patience }).unwrap()
    }

    pub(in crate::client) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(in crate::client) fn blob(&self) -> DownloadUrl {
        DownloadUrl::parse(&format!("{}/c/1?sig=hidden-sig", self.url)).unwrap()
    }
}

/// A whole request, or none when the client goes away before its end.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}

pub(in crate::client) fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

pub(in crate::client) fn json(status: &str, body: &str) -> String {
    answer(status, "Content-Type: application/json\r\n", body)
}
