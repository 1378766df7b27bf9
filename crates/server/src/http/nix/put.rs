//! What `nix copy --to http://...` sends: for each path its NAR and then its info, in between what is told of either.

use std::io::{self, Read};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use snowbank_binary_cache::{File, Plain, decoder};
use snowbank_nix::nar_info::{Compression, NarInfo};

use super::failure::Failure;
use crate::http::body;
use crate::service::{CacheView, Service};

/// Bytes of the largest info that is taken, about ten thousand references.
const INFO: usize = 1 << 20;
/// Bytes of the largest other small file, such as a log.
const KEPT: usize = 16 << 20;

pub(super) async fn put(
    service: &Service,
    view: &CacheView,
    file: File,
    request: Request,
) -> Result<Response, Failure> {
    view.may_push()?;
    let idle = service.settings().times.body_idle.0;
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    match file {
        File::About => {
            let text = small(body, headers, INFO, idle).await?;
            about(&text, view)?;
        }
        File::Info(hash_part) => {
            let text = small(body, headers, INFO, idle).await?;
            let text = std::str::from_utf8(&text).map_err(|_| Failure::invalid("an info is text"))?;
            let info = NarInfo::parse(text, &view.dir());
            let info = info.map_err(|error| Failure::invalid(format!("the info cannot be read: {error}")))?;
            view.put_info(&hash_part, info).await?;
        }
        // It is made from the NAR when somebody asks.
        File::Listing(_) => {
            small(body, headers, KEPT, idle).await?;
        }
        File::Kept(kept) => {
            let content = small(body, headers, KEPT, idle).await?;
            view.put_kept(&kept, content).await?;
        }
        File::Nar(name) => {
            view.put_nar(&name.to_string(), Some(Compression::Zstd), body::stream(body, idle)).await?;
        }
        File::Plain(plain @ Plain::Content(_)) => {
            view.put_nar(&plain.to_string(), None, body::stream(body, idle)).await?;
        }
        File::Plain(Plain::Path(_) | Plain::Both(..)) => {
            return Err(Failure::invalid("a NAR is pushed under its file's hash"));
        }
        File::Pushed(name) => {
            let ending = name.rsplit('.').next().unwrap_or_default();
            let compression = by_ending(ending)
                .ok_or_else(|| Failure::invalid(format!("a NAR cannot be compressed as .{ending} here")))?;
            view.put_nar(&name, Some(compression), body::stream(body, idle)).await?;
        }
    }
    Ok(StatusCode::CREATED.into_response())
}

/// The compression that a NAR's ending stands for (`binary-cache-store.cc`).
fn by_ending(ending: &str) -> Option<Compression> {
    Some(match ending {
        "xz" => Compression::Xz,
        "bz2" | "bzip2" => Compression::Bzip2,
        "zst" => Compression::Zstd,
        "lzip" => Compression::Lzip,
        "lz4" => Compression::Lz4,
        "br" => Compression::Brotli,
        "gz" => Compression::Gzip,
        _ => return None,
    })
}

/// Another store directory would make every path another one.
fn about(text: &[u8], view: &CacheView) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(text);
    let dir = text.lines().find_map(|line| line.strip_prefix("StoreDir:")).map(str::trim);
    match dir {
        Some(dir) if dir != view.dir().as_str() => Err(Failure::invalid(format!(
            "this cache is for the store in {}, not for {dir}",
            view.dir().as_str()
        ))),
        _ => Ok(()),
    }
}

/// A small body, unpacked if it says that it is packed (Nix from 2.32 on).
async fn small(
    body: Body,
    headers: &HeaderMap,
    most: usize,
    idle: std::time::Duration,
) -> Result<Bytes, Failure> {
    let bytes = body::read(body, most, idle).await?;
    let name = headers.get(CONTENT_ENCODING).and_then(|name| name.to_str().ok()).unwrap_or_default();
    if matches!(name, "" | "identity") {
        return Ok(bytes.into());
    }
    let unknown = || {
        Failure::invalid(format!(
            "the content is encoded as `{}`, which is not known here",
            name.escape_debug()
        ))
    };
    let compression = Compression::named(name).ok_or_else(unknown)?;
    let unpacked = tokio::task::spawn_blocking(move || {
        let mut plain = Vec::new();
        let reader = decoder(compression, Box::new(io::Cursor::new(bytes)))?;
        let reader = reader.ok_or(io::ErrorKind::Unsupported)?;
        reader.take(most as u64 + 1).read_to_end(&mut plain).map(|_| plain)
    });
    match unpacked.await {
        Ok(Ok(plain)) if plain.len() <= most => Ok(plain.into()),
        Ok(Ok(_)) => Err(Failure::too_large(most)),
        Ok(Err(_)) | Err(_) => Err(Failure::invalid("the content cannot be decoded")),
    }
}
