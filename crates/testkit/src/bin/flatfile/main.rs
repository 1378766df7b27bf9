//! The least that a cache server can do: the peer that Snowbank's saves and restores are measured against.
//!
//! It speaks the npm client's part of protocol v2 and nothing more: each block goes to its place in one flat file as
//! it arrives, the file is fsynced at finalize, and a download is the kernel's `sendfile`. No tokens, no scopes, no
//! hashes, no recovery: what a real server does beyond this is what it costs.
//!
//! usage: flatfile DIR    (prints the address it listens at)
#![expect(clippy::print_stdout, reason = "the address is the program's answer")]

mod cache;
mod http;

use std::{
    env, fs, io,
    io::{ErrorKind, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::FileExt,
    sync::Arc,
    thread,
};

use cache::Cache;
use http::{Connection, Request};
use serde_json::{Value, json};

/// What every npm client from 4.0 on cuts its uploads into.
const BLOCK: u64 = 64 << 20;

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).ok_or_else(|| io::Error::other("usage: flatfile DIR"))?;
    fs::create_dir_all(&folder)?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}", listener.local_addr()?);
    let cache = Arc::new(Cache::new(folder.into(), url.clone()));
    println!("{url}");
    io::stdout().flush()?;
    for stream in listener.incoming() {
        let (stream, cache) = (stream?, Arc::clone(&cache));
        thread::spawn(move || serve(stream, &cache));
    }
    Ok(())
}

/// Answers requests until the client goes away.
fn serve(stream: TcpStream, cache: &Cache) -> io::Result<()> {
    let mut connection = Connection::new(stream)?;
    while let Some(request) = connection.next_request()? {
        match answer(&mut connection, &request, cache) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                connection
                    .reply(400, &json!({"code": "invalid_argument", "msg": error.to_string()}).to_string())?;
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn answer(connection: &mut Connection, request: &Request, cache: &Cache) -> io::Result<()> {
    if let Some(method) = request.path.strip_prefix("/twirp/github.actions.results.api.v1.CacheService/") {
        let call: Value = serde_json::from_slice(&connection.read_body(request)?).map_err(invalid)?;
        return match method {
            "CreateCacheEntry" => connection.reply(200, &cache.create(&call)?.to_string()),
            "FinalizeCacheEntryUpload" => connection.reply(200, &cache.finalize(&call)?.to_string()),
            "GetCacheEntryDownloadURL" => connection.reply(200, &cache.look_up(&call)?.to_string()),
            _ => connection.reply(404, r#"{"code":"bad_route","msg":"no such method"}"#),
        };
    }
    let file = cache.file(&request.path)?;
    match (request.method.as_str(), request.query("comp")) {
        ("PUT", Some("blocklist")) => {
            check_order(&connection.read_body(request)?)?;
            connection.reply(201, "")
        }
        ("PUT", comp) => {
            let mut offset = match (comp, request.query("blockid")) {
                (Some("block"), Some(id)) => block_index(id)? * BLOCK,
                _ => 0,
            };
            connection.stream_body(request, |piece| {
                file.write_all_at(piece, offset)?;
                offset += piece.len() as u64;
                Ok(())
            })?;
            connection.reply(201, "")
        }
        ("GET", _) => connection.send_file(&file),
        _ => connection.reply(405, ""),
    }
}

/// The npm client's block ids are base64 of a UUID and a twelve-digit index, so the place is known at once. (A server
/// for all clients must not look into an id.)
fn block_index(id: &str) -> io::Result<u64> {
    let mut bits = 0_u32;
    let mut text = String::new();
    for (place, letter) in id.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=").bytes().enumerate()
    {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        if place % 4 == 3 {
            text.extend(bits.to_be_bytes()[1..].iter().map(|byte| char::from(*byte)));
        }
    }
    text.get(36..48)
        .and_then(|index| index.parse().ok())
        .ok_or_else(|| invalid("not a block id of the npm client"))
}

/// The blocks lie in the order of their indices; a list in another order is not this client's.
fn check_order(list: &[u8]) -> io::Result<()> {
    let list = String::from_utf8_lossy(list);
    for (place, id) in list.split("<Latest>").skip(1).enumerate() {
        if block_index(id)? != place as u64 {
            return Err(invalid("blocks are not listed in order"));
        }
    }
    Ok(())
}

fn invalid(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// base64 of `0a1b2c3d-0000-4000-8000-00000000000f` and `000000000003`.
    const ID: &str = "MGExYjJjM2QtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDBmMDAwMDAwMDAwMDAz";

    #[test]
    fn the_index_is_read_from_the_id() {
        assert_eq!(block_index(ID).unwrap(), 3);
        assert!(block_index("AAAA").is_err());
    }

    #[test]
    fn a_list_in_another_order_is_refused() {
        assert!(check_order(format!("<BlockList><Latest>{ID}</Latest></BlockList>").as_bytes()).is_err());
        assert!(check_order(b"<BlockList></BlockList>").is_ok());
    }
}
