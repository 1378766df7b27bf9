//! How long a lookup takes that finds by prefix, in a repository of 1,000 and one of 100,000 entries, with 16
//! clients: `cargo bench -p snowbank-catalog --bench lookup [sqlite|postgres]`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use snowbank_cas::id::ObjectHash;
use snowbank_catalog::ids::RepoId;
use snowbank_catalog::rooms::{Block, Form, Reserved, Slot};
use snowbank_catalog::{Catalog, PostgresCatalog, SqliteCatalog};
use snowbank_testkit::postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

const CLIENTS: u32 = 16;
const ROUNDS: u32 = 400;
const COUNTS: [u32; 2] = [1_000, 100_000];
const SCOPE: &str = "refs/heads/main";

/// Where entries lie in the order of keys, and what is asked.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    /// The key of entry `n` of `count`, as SQL.
    key: &'static str,
    asked: &'static str,
}

const SHAPES: [Shape; 3] = [
    // A factor without a common divisor with the count scatters the keys.
    Shape { name: "all match", key: "(n * 7919) % {count}", asked: "deps-" },
    Shape { name: "none match", key: "(n * 7919) % {count}", asked: "deps-0000500x" },
    Shape { name: "newest is last", key: "n", asked: "deps-" },
];

#[tokio::main]
async fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    println!("{:<9} {:<15} {:>8} {:>10} {:>10}", "database", "shape", "entries", "p50", "p99");
    if wanted("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let catalog = Arc::new(SqliteCatalog::open(&path).await.unwrap());
        let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        let series =
            "WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count})";
        let key = "CAST(printf('deps-%07d', {key}) AS BLOB)";
        measure(
            "sqlite",
            catalog,
            async |text| {
                connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.unwrap();
            },
            series,
            key,
        )
        .await;
    }
    if wanted("postgres") {
        let server = Postgres::start();
        let url = server.fresh_database();
        let catalog = Arc::new(PostgresCatalog::open(&url).await.unwrap());
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let series = "WITH series AS (SELECT generate_series(1, {count}) AS n)";
        let key = "convert_to('deps-' || lpad(({key})::text, 7, '0'), 'UTF8')";
        measure(
            "postgres",
            catalog,
            async |text| {
                connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.unwrap();
            },
            series,
            key,
        )
        .await;
    }
}

async fn measure(
    database: &str,
    catalog: Arc<dyn Catalog>,
    mut execute: impl AsyncFnMut(String),
    series: &str,
    key: &str,
) {
    for shape in SHAPES {
        let mut repos = Vec::new();
        for count in COUNTS {
            let repo = save_one(&*catalog, &format!("bench/{} {count}", shape.name)).await;
            repos.push(repo);
            // Saving so many through the catalog would take longer than all else: they are copies of the one.
            let fill = [
                series,
                "INSERT INTO entries
                     (repo, scope, key, version, place, seq, tier, size, created, accessed)
                 SELECT repo, scope,",
                key,
                ", version, place, n + 1, (n + 1) / 256, size, created, accessed
                 FROM entries, series WHERE repo = {repo};
                 INSERT INTO representations (entry, repo, source, form, size, etag, held_until)
                 SELECT id, repo, 0, 0, size, place, 0 FROM entries WHERE repo = {repo} AND seq > 1;
                 DELETE FROM entries WHERE repo = {repo} AND seq = 1;",
            ]
            .join(" ");
            let fill = fill.replace("{key}", shape.key).replace("{count}", &count.to_string());
            execute(fill.replace("{repo}", &repo.to_string())).await;
        }
        let mut slowest = Vec::new();
        for (count, times) in COUNTS.into_iter().zip(ask(&catalog, &repos, shape).await) {
            let at = |share: f64| times[(times.len() as f64 * share) as usize];
            let (median, slow) = (at(0.5).as_secs_f64() * 1e3, at(0.99).as_secs_f64() * 1e3);
            println!("{database:<9} {:<15} {count:>8} {median:>7.2} ms {slow:>7.2} ms", shape.name);
            slowest.push(slow);
        }
        let ratio = slowest[1] / slowest[0];
        println!("{database:<9} {:<15} p99 at 100,000 is {ratio:.2} times that at 1,000", shape.name);
    }
}

/// A repository with one entry, whose key no lookup asks for.
async fn save_one(catalog: &dyn Catalog, name: &str) -> RepoId {
    let repo = catalog.repository(name, "bench").await.unwrap().id;
    let slot = Slot { scope: SCOPE.to_owned(), key: "other".to_owned(), version: "v1".to_owned() };
    let lease = Duration::from_secs(600);
    let Reserved::Granted(upload) = catalog.reserve(repo, &slot, Form::Archive, lease).await.unwrap() else {
        panic!("the slot is free")
    };
    let object = format!("uploads/{upload}/one");
    let block = Block { id: Vec::new(), position: None, object, size: 1, hash: ObjectHash::of(b"") };
    catalog.replace_content(upload, Some(&block), lease).await.unwrap();
    catalog.finalize(repo, &slot, 1).await.unwrap();
    repo
}

/// The times of all lookups in each repository, from the fastest. Each client asks them in turns, so that whatever
/// else the machine does falls on both.
async fn ask(catalog: &Arc<dyn Catalog>, repos: &[RepoId], shape: Shape) -> Vec<Vec<Duration>> {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (catalog, repos) = (Arc::clone(catalog), repos.to_vec());
            tokio::spawn(async move {
                let scopes = ["refs/heads/topic", SCOPE].map(str::to_owned);
                let keys = ["deps-exact that is not there", shape.asked].map(str::to_owned);
                let mut times = vec![Vec::new(); repos.len()];
                for _ in 0..ROUNDS {
                    for (repo, times) in repos.iter().zip(&mut times) {
                        let start = Instant::now();
                        let hit = catalog.lookup(*repo, &scopes, "v1", &keys).await.unwrap();
                        times.push(start.elapsed());
                        assert_eq!(hit.is_some(), shape.name != "none match");
                    }
                }
                times
            })
        })
        .collect();
    let mut all = vec![Vec::new(); repos.len()];
    for client in clients {
        for (all, times) in all.iter_mut().zip(client.await.unwrap()) {
            all.extend(times);
        }
    }
    all.iter_mut().for_each(|times| times.sort_unstable());
    all
}
