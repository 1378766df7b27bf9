//! How long the first page of a list takes, with 1,000 and with 100,000 entries in 1,000 repositories, and with as many in
//! one: `cargo bench -p snowbank-catalog --bench list [sqlite|postgres]`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use snowbank_catalog::ids::RepoId;
use snowbank_catalog::rooms::{Listing, SortBy};
use snowbank_catalog::{Catalog, PostgresCatalog, SqliteCatalog};
use snowbank_testkit::postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

const CLIENTS: u32 = 16;
const ROUNDS: u32 = 40;
const REPOSITORIES: u32 = 1000;
/// Entries, and repositories that they are in.
const SIZES: [(u32, u32); 3] = [(1_000, REPOSITORIES), (100_000, REPOSITORIES), (100_000, 1)];

/// What is asked for.
#[derive(Clone, Copy, Debug)]
enum Asked {
    LastUsed,
    Largest,
    FewByKey,
    ManyByKey,
    ByRef,
    ThirdOfPages,
    AllOfServer,
    UsageByRepository,
}

const ASKED: [Asked; 8] = [
    Asked::LastUsed,
    Asked::Largest,
    Asked::FewByKey,
    Asked::ManyByKey,
    Asked::ByRef,
    Asked::ThirdOfPages,
    Asked::AllOfServer,
    Asked::UsageByRepository,
];

/// Both databases' words for what fills them.
struct Dialect {
    name: &'static str,
    series: &'static str,
    text: fn(&str) -> String,
}

const SQLITE: Dialect = Dialect {
    name: "sqlite",
    series: "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count})",
    text: |text| format!("CAST({text} AS BLOB)"),
};
const POSTGRES: Dialect = Dialect {
    name: "postgres",
    series: "WITH series AS (SELECT generate_series(1, {count}) AS n)",
    text: |text| format!("convert_to({text}, 'UTF8')"),
};

#[tokio::main]
async fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    println!("{:<9} {:<18} {:>8} {:>6} {:>10} {:>10}", "database", "asked", "entries", "repos", "p50", "p99");
    for size in SIZES {
        if wanted(SQLITE.name) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("catalog.db");
            let catalog = Arc::new(SqliteCatalog::open(&path).await.unwrap());
            let mut connection =
                SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
            for text in fill(&SQLITE, size) {
                connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.unwrap();
            }
            measure(SQLITE.name, catalog, size).await;
        }
        if wanted(POSTGRES.name) {
            let server = Postgres::start();
            let url = server.fresh_database();
            let catalog = Arc::new(PostgresCatalog::open(&url).await.unwrap());
            let mut connection = PgConnection::connect(&url).await.unwrap();
            for text in fill(&POSTGRES, size).into_iter().chain(["ANALYZE".to_owned()]) {
                connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.unwrap();
            }
            measure(POSTGRES.name, catalog, size).await;
        }
    }
}

/// Entries whose keys are a hundredth each of a hundred beginnings, in ten refs.
fn fill(dialect: &Dialect, (entries, repositories): (u32, u32)) -> Vec<String> {
    let text = dialect.text;
    let series = |count: u32| dialect.series.replace("{count}", &count.to_string());
    let (name, key, scope, place) = (
        text("'owner/r' || n"),
        text("'k' || (n / 7 % 100) || '-' || n"),
        text("'refs/heads/b' || (n / 11 % 10)"),
        text("'p' || n"),
    );
    let version = text("'v'");
    vec![
        format!("INSERT INTO domains (name) VALUES ({})", text("'owner'")),
        format!(
            "{} INSERT INTO repositories (name, folded, domain) SELECT {name}, {name}, 1 FROM series",
            series(repositories)
        ),
        format!(
            "{} INSERT INTO entries (repo, scope, key, version, place, seq, tier, size, created, accessed)
             SELECT 1 + n % {repositories}, {scope}, {key}, {version}, {place}, n, n / 256, n * 7919 % {entries}, n,
                    n * 31 % {entries}
             FROM series",
            series(entries)
        ),
        "UPDATE repositories SET held = (SELECT count(*) FROM entries WHERE entries.repo = repositories.id),
         held_bytes = (SELECT sum(size) FROM entries WHERE entries.repo = repositories.id)"
            .to_owned(),
    ]
}

async fn measure(database: &str, catalog: Arc<dyn Catalog>, (entries, repositories): (u32, u32)) {
    for asked in ASKED {
        let clients = (0..CLIENTS).map(|client| {
            let catalog = Arc::clone(&catalog);
            tokio::spawn(async move {
                let mut times = Vec::new();
                for round in 0..ROUNDS {
                    let repo = RepoId(i64::from(1 + (client * 61 + round * 17) % repositories));
                    let start = Instant::now();
                    ask(&*catalog, asked, repo, entries / repositories).await;
                    times.push(start.elapsed());
                }
                times
            })
        });
        let mut times: Vec<Duration> = Vec::new();
        for client in clients.collect::<Vec<_>>() {
            times.extend(client.await.unwrap());
        }
        times.sort_unstable();
        let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        let (median, slow) = (at(0.5), at(0.99));
        let asked = format!("{asked:?}");
        println!("{database:<9} {asked:<18} {entries:>8} {repositories:>6} {median:>7.2} ms {slow:>7.2} ms");
    }
}

async fn ask(catalog: &dyn Catalog, asked: Asked, repo: RepoId, held: u32) {
    let mut listing = Listing { repo: Some(repo), ..Listing::first(100, SortBy::Accessed, true) };
    match asked {
        Asked::LastUsed => {}
        Asked::Largest => listing.sort = SortBy::Size,
        Asked::FewByKey => listing.key_prefix = Some("k17-".to_owned()),
        Asked::ManyByKey => listing.key_prefix = Some("k".to_owned()),
        Asked::ByRef => listing.scopes = Some(vec!["refs/heads/b3".to_owned()]),
        Asked::ThirdOfPages => listing.offset = u64::from(held / 3),
        Asked::AllOfServer => listing.repo = None,
        Asked::UsageByRepository => {
            catalog.usage_in_all(Some("owner")).await.unwrap();
            catalog.usage(Some("owner"), 0, 100).await.unwrap();
            return;
        }
    }
    catalog.list(&listing).await.unwrap();
}
