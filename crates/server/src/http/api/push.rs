//! What our own client pushes to a binary cache, many paths at once: `missing`, `packs/<hash>`, `nars` and `paths`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use prost::Message;
use snowbank_binary_cache::bulk::{
    Known, MAX_MESSAGE, MAX_PATHS, Missing, NewNars, Offered, PROTOBUF, Publish, Source, source,
};
use snowbank_cas::budget::Permit;
use snowbank_cas::id::ObjectHash;
use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;

use super::failure::Failure;
use super::message::message;
use super::named::Named;
use crate::http::body;
use crate::http::site::Site;
use crate::service::{CacheView, FrameRun, FrameSource, Nameable, NarMade, Service};

/// `POST /nix/<cache>/missing`.
pub(super) async fn missing(
    State(service): State<Service>,
    site: Site,
    Named(cache): Named<String>,
    call: Request,
) -> Result<Response, Failure> {
    let Pushing { view, message: Offered { paths }, _room } =
        Pushing::read(service, &site, &cache, call).await?;
    few(paths.len(), "paths")?;
    let mut offered = Vec::with_capacity(paths.len());
    for offer in paths {
        let path: StorePath = offer.path.parse().map_err(|error| {
            Failure::bad_request(format!("`{}` is no store path: {error}", offer.path.escape_debug()))
        })?;
        offered.push((path, nar(&offer.nar_hash)?));
    }
    let lacking = view.lacking(&offered).await?;
    let places = |places: Vec<usize>| places.into_iter().map(|place| place as u32).collect();
    let answer = Missing {
        nars: places(lacking.nars),
        infos: places(lacking.infos),
        known: lacking.known.into_iter().map(known).collect(),
    };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))];
    Ok((headers, answer.encode_to_vec()).into_response())
}

/// `PUT /nix/<cache>/packs/<hash>`.
pub(super) async fn pack(
    State(service): State<Service>,
    site: Site,
    Named((cache, hash)): Named<(String, String)>,
    body: Body,
) -> Result<StatusCode, Failure> {
    let view = site.cache(&service, &cache).await?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(&hash, &mut bytes)
        .map_err(|_| Failure::bad_request(format!("`{}` is no pack's hash", hash.escape_debug())))?;
    let idle = service.settings().times.body_idle.0;
    view.put_pack(ObjectHash::from_bytes(bytes), body::stream(body, idle)).await?;
    Ok(StatusCode::CREATED)
}

/// `POST /nix/<cache>/nars`.
pub(super) async fn nars(
    State(service): State<Service>,
    site: Site,
    Named(cache): Named<String>,
    call: Request,
) -> Result<StatusCode, Failure> {
    let Pushing { view, message: NewNars { sources, nars }, _room } =
        Pushing::read(service, &site, &cache, call).await?;
    few(sources.len(), "sources")?;
    few(nars.len(), "NARs")?;
    let sources: Vec<FrameSource> = sources.into_iter().map(source_of).collect::<Result<_, _>>()?;
    let made = nars.into_iter().map(|made| {
        let run = |run: snowbank_binary_cache::bulk::Run| FrameRun {
            source: run.source as usize,
            first: run.first,
            count: run.count,
        };
        Ok(NarMade { hash: nar(&made.hash)?, runs: made.runs.into_iter().map(run).collect() })
    });
    let made: Vec<NarMade> = made.collect::<Result<_, Failure>>()?;
    view.make_nars(&sources, &made).await?;
    Ok(StatusCode::CREATED)
}

/// `POST /nix/<cache>/paths`.
pub(super) async fn paths(
    State(service): State<Service>,
    site: Site,
    Named(cache): Named<String>,
    call: Request,
) -> Result<StatusCode, Failure> {
    let Pushing { view, message: Publish { paths }, _room } =
        Pushing::read(service, &site, &cache, call).await?;
    few(paths.len(), "paths")?;
    let infos = paths.into_iter().map(PathInfo::try_from).collect::<Result<Vec<_>, _>>();
    view.put_infos(infos.map_err(|error| Failure::bad_request(error.to_string()))?).await?;
    Ok(StatusCode::CREATED)
}

/// Somebody who may push, and what he says.
struct Pushing<M> {
    view: CacheView,
    message: M,
    /// For what is made of the message.
    _room: Permit,
}

impl<M: Message + Default> Pushing<M> {
    /// Who may not push is not listened to.
    async fn read(service: Service, site: &Site, cache: &str, call: Request) -> Result<Self, Failure> {
        let view = site.cache(&service, cache).await?;
        view.may_push()?;
        let (parts, body) = call.into_parts();
        let (message, _room) = message(&service, &parts.headers, body, MAX_MESSAGE).await?;
        Ok(Self { view, message, _room })
    }
}

fn few(count: usize, what: &str) -> Result<(), Failure> {
    let more = || Failure::bad_request(format!("there may be {MAX_PATHS} {what} in a message, not {count}"));
    (count <= MAX_PATHS).then_some(()).ok_or_else(more)
}

fn nar(hash: &[u8]) -> Result<NarHash, Failure> {
    let hash = hash.try_into().map_err(|_| Failure::bad_request("a NAR's hash has 32 bytes"))?;
    Ok(NarHash::from_bytes(hash))
}

fn source_of(source: Source) -> Result<FrameSource, Failure> {
    match source.of {
        Some(source::Of::Nar(hash)) => Ok(FrameSource::Nar(nar(&hash)?)),
        Some(source::Of::Pack(hash)) => {
            let hash = hash.try_into().map_err(|_| Failure::bad_request("a pack's hash has 32 bytes"))?;
            Ok(FrameSource::Pack(ObjectHash::from_bytes(hash)))
        }
        None => Err(Failure::bad_request("a source is neither a pack nor a NAR")),
    }
}

fn known(Nameable { source, chunks }: Nameable) -> Known {
    let of = match source {
        FrameSource::Pack(hash) => source::Of::Pack(hash.as_bytes().to_vec()),
        FrameSource::Nar(hash) => source::Of::Nar(hash.bytes().to_vec()),
    };
    let chunks = chunks.iter().flat_map(|chunk| *chunk.as_bytes()).collect();
    Known { source: Some(Source { of: Some(of) }), chunks }
}
