//! The contract on SQLite, in a file that two handles share and in memory.
#![expect(clippy::unwrap_used, reason = "a database that cannot be opened fails its test")]

use std::sync::Arc;

use snowbank_catalog::contract::House;
use snowbank_catalog::{Catalog, SqliteCatalog};

mod file {
    use super::*;

    async fn fresh() -> (House, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let first = Arc::new(SqliteCatalog::open(&path).await.unwrap());
        let second: Arc<dyn Catalog> = Arc::new(SqliteCatalog::open(&path).await.unwrap());
        (House::new(first, second), folder)
    }

    snowbank_catalog::contract!(fresh);
}

mod memory {
    use super::*;

    async fn fresh() -> (House, ()) {
        let only = Arc::new(SqliteCatalog::in_memory().await.unwrap());
        let again: Arc<dyn Catalog> = Arc::clone(&only) as _;
        (House::new(only, again), ())
    }

    snowbank_catalog::contract!(fresh);
}
