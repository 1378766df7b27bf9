//! `GET /api/v1/nix/<cache>`: what a machine needs to know of a binary cache to use it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::failure::Failure;
use super::named::Named;
use crate::http::site::Site;
use crate::service::Service;

/// What is told of a cache.
#[derive(Serialize)]
pub(super) struct About {
    name: String,
    public: bool,
    priority: u32,
    store_dir: String,
    public_keys: Vec<String>,
}

pub(super) async fn about(
    State(service): State<Service>,
    site: Site,
    Named(cache): Named<String>,
) -> Result<Json<About>, Failure> {
    let view = site.cache(&service, &cache).await?;
    Ok(Json(About {
        name: view.name().to_owned(),
        public: view.is_public(),
        priority: view.priority(),
        store_dir: view.dir().as_str().to_owned(),
        public_keys: view.public_keys().iter().map(ToString::to_string).collect(),
    }))
}
