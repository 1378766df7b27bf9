//! The contract on a real PostgreSQL, where two handles are two pools.
#![expect(clippy::unwrap_used, reason = "a database that cannot be opened fails its test")]

use std::sync::Arc;

use snowbank_catalog::contract::House;
use snowbank_catalog::{Catalog, PostgresCatalog};
use snowbank_testkit::postgres::Postgres;

async fn fresh() -> (House, Arc<Postgres>) {
    let server = Postgres::shared();
    let url = server.fresh_database();
    let first = Arc::new(PostgresCatalog::open(&url).await.unwrap());
    let second: Arc<dyn Catalog> = Arc::new(PostgresCatalog::open(&url).await.unwrap());
    (House::new(first, second), server)
}

snowbank_catalog::contract!(fresh);
