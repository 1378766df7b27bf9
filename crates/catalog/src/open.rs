//! Opens a catalog by its URL.

use std::sync::Arc;

use crate::rooms::Catalog;
use crate::{CatalogError, PostgresCatalog, Result, SqliteCatalog};

/// Opens the catalog at `sqlite:PATH` or `postgres://user:password@host:port/name`.
///
/// # Errors
/// When the URL is neither, or the database cannot be opened. No error shows a password.
pub async fn open(url: &str) -> Result<Arc<dyn Catalog>> {
    match url.split_once(':') {
        Some(("sqlite", path)) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            Ok(Arc::new(SqliteCatalog::open(path).await?))
        }
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(PostgresCatalog::open(url).await?)),
        other => {
            let scheme = other.map_or("", |(scheme, _)| scheme);
            let reason = "the URL begins neither with `sqlite:` nor with `postgres://`";
            Err(CatalogError::Open {
                place: format!("{scheme}:"),
                source: sqlx::Error::Configuration(reason.into()),
            })
        }
    }
}
