//! An HTTP server that follows a script.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use url::Url;

/// What a server does with a request.
pub(crate) enum Act {
    /// Sends these bytes, head and all, and closes the connection.
    Send(Vec<u8>),
    /// Sends these bytes and then nothing more, without closing the connection.
    Hang(Vec<u8>),
}

/// A request: its target and the whole head, in lower case but for the target.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) target: String,
    pub(crate) head: String,
}

impl Asked {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
    accepting: AbortHandle,
}

impl Server {
    /// Starts one that does what `script` says; the number is how often the same target was asked for before.
    pub(crate) async fn start(script: impl Fn(&Asked, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (asked, script) = (Arc::new(Mutex::new(Vec::new())), Arc::new(script));
        let log = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&log)));
            }
        });
        Self { url, asked, accepting: accepting.abort_handle() }
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How often something was asked for.
    pub(crate) fn count(&self, target: &str) -> usize {
        self.asked().iter().filter(|asked| asked.target == target).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<impl Fn(&Asked, usize) -> Act>,
    log: Arc<Mutex<Vec<Asked>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let asked = Asked { target, head: head.to_lowercase() };
    let before = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.iter().filter(|earlier| earlier.target == asked.target).count() - 1
    };
    match script(&asked, before) {
        Act::Send(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Act::Hang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
    }
}

/// An answer with a body and its length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// An answer with a body, and nothing special about it.
pub(crate) fn ok(body: &[u8]) -> Act {
    Act::Send(answer("200 OK", "", body))
}

/// An answer without a body.
pub(crate) fn status(status: &str) -> Act {
    Act::Send(answer(status, "", b""))
}
