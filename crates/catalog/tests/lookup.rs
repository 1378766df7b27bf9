//! Lookups of random entries agree with a model that says plainly what a restore gets.
#![expect(clippy::unwrap_used, reason = "a model that is not agreed with fails its test")]

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use snowbank_catalog::contract::lookup::{Case, agrees_with_the_model};
use snowbank_catalog::rooms::Slot;
use snowbank_catalog::{Catalog, PostgresCatalog, SqliteCatalog};
use snowbank_testkit::postgres::Postgres;

const SCOPES: [&str; 3] = ["refs/heads/main", "refs/heads/dev", ""];
const VERSIONS: [&str; 2] = ["v1", "v"];

/// Few parts, so that keys are equal to and begin with each other often.
fn key() -> impl Strategy<Value = String> {
    let part = select(vec!["a", "aa", "A", "%", "_", "#", "/", "-", "\\", "ä", "\u{10FFFF}", "\u{0}"]);
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn scope() -> impl Strategy<Value = String> {
    select(SCOPES.as_slice()).prop_map(str::to_owned)
}

fn version() -> impl Strategy<Value = String> {
    select(VERSIONS.as_slice()).prop_map(str::to_owned)
}

/// `most` saves at most.
fn case(most: usize) -> impl Strategy<Value = Case> {
    let slot = (scope(), key(), version()).prop_map(|(scope, key, version)| Slot { scope, key, version });
    let save = (slot, prop::bool::weighted(0.2));
    let asked = (prop::collection::vec(scope(), 0..4), version(), prop::collection::vec(key(), 0..4));
    (prop::collection::vec(save, 0..most), prop::collection::vec(asked, 1..12))
        .prop_map(|(saves, asked)| Case { saves, asked })
}

fn compare(catalog: &dyn Catalog, runtime: &tokio::runtime::Runtime, cases: u32, most: usize) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let number = std::cell::Cell::new(0);
    TestRunner::new(config)
        .run(&case(most), |case| {
            number.set(number.get() + 1);
            let name = format!("owner/case-{most}-{}", number.get());
            runtime.block_on(agrees_with_the_model(catalog, &name, &case));
            Ok(())
        })
        .unwrap();
}

#[test]
fn on_sqlite() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let catalog = runtime.block_on(SqliteCatalog::in_memory()).unwrap();
    compare(&catalog, &runtime, 96, 16);
    // Enough for a prefix to match more than are read one by one.
    compare(&catalog, &runtime, 4, 400);
}

#[test]
fn on_postgres() {
    let server = Postgres::shared();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let catalog = runtime.block_on(PostgresCatalog::open(&server.fresh_database())).unwrap();
    compare(&catalog, &runtime, 24, 12);
}
