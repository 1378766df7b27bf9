//! Our own API: administration, by an admin token, and what is to be known about tokens.

mod caches;
mod events;
mod exchange;
mod failure;
mod layers;
mod message;
mod named;
mod nix;
mod openapi;
mod pins;
mod pull;
mod push;
mod rights;
mod upkeep;

use super::calls::Calls;

pub(super) use failure::no_such_call;

/// The paths under `/api/v1`.
pub(super) fn routes() -> Calls {
    Calls::default()
        .get("/openapi.json", openapi::document)
        .get("/caches", caches::list)
        .delete("/caches", caches::delete_matching)
        .delete("/caches/{id}", caches::delete_one)
        .get("/lookups", events::lookups)
        .get("/removals", events::removals)
        .get("/unfinished", events::unfinished)
        .get("/saves", events::saves)
        .get("/image-pushes", events::image_pushes)
        .post("/image-pushes", events::note_image_push)
        .get("/usage/days", events::days)
        .get("/samples", events::samples)
        .post("/oidc/token", exchange::exchange)
        .get("/rights", rights::rights)
        .get("/usage", caches::usage)
        .get("/nix/{cache}", nix::about)
        .post("/nix/{cache}/closure", pull::closure)
        .post("/nix/{cache}/rows", pull::rows)
        .get("/nix/{cache}/pins", pins::list)
        .put("/nix/{cache}/pins/{name}", pins::put)
        .delete("/nix/{cache}/pins/{name}", pins::delete)
        .post("/nix/{cache}/missing", push::missing)
        .put("/nix/{cache}/packs/{hash}", push::pack)
        .post("/nix/{cache}/nars", push::nars)
        .post("/nix/{cache}/paths", push::paths)
        .post("/nix/{cache}/layers", layers::note)
        .post("/nix/{cache}/layers/known", layers::known)
        .post("/evict", upkeep::evict)
        .get("/gc", upkeep::plan)
        .post("/gc", upkeep::collect)
        .with(|router| router.fallback(no_such_call).method_not_allowed_fallback(no_such_call))
}
