//! Opening catalogs: schema versions, several at once, and what errors say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::error::Error;
use std::sync::Arc;

use snowbank_catalog::rooms::Holdings;
use snowbank_catalog::{CatalogError, PostgresCatalog, SqliteCatalog, open};
use snowbank_testkit::postgres::Postgres;
use sqlx::{Connection, PgConnection, SqliteConnection};

/// An error and its causes as one text.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_a_new_sqlite_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = Arc::new(folder.path().join("catalog.db"));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let path = Arc::clone(&path);
            tokio::spawn(async move { SqliteCatalog::open(&*path).await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_a_new_postgres_database_at_once() {
    let server = Postgres::shared();
    let url = Arc::new(server.fresh_database());
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let url = Arc::clone(&url);
            tokio::spawn(async move { PostgresCatalog::open(&url).await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_closed_sqlite_catalog_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("catalog.db").display());
    let catalog = open(&url).await.unwrap();
    catalog.repository("owner/name", "owner").await.unwrap();
    catalog.find_repository("owner/name").await.unwrap();
    catalog.close().await;
    let files: Vec<_> = folder
        .path()
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, ["catalog.db"]);
    assert!(open(&url).await.unwrap().find_repository("owner/name").await.unwrap().is_some());
}

#[tokio::test]
async fn a_url_chooses_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a file.db");
    let url = format!("sqlite:{}", path.display());
    let made = open(&url).await.unwrap().repository("owner/name", "owner").await.unwrap();
    let again = open(&url).await.unwrap();
    assert_eq!(again.find_repository("owner/name").await.unwrap(), Some(made));

    let server = Postgres::shared();
    let url = server.fresh_database();
    let made = open(&url).await.unwrap().repository("owner/name", "owner").await.unwrap();
    let again = open(&url.replace("postgres://", "postgresql://")).await.unwrap();
    assert_eq!(again.find_repository("owner/name").await.unwrap(), Some(made));
}

#[tokio::test]
async fn a_newer_sqlite_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    drop(SqliteCatalog::open(&path).await.unwrap());
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    sqlx::query("UPDATE snowbank_schema SET version = 99").execute(&mut connection).await.unwrap();
    let error = SqliteCatalog::open(&path).await.unwrap_err();
    assert!(matches!(error, CatalogError::Newer { found: 99, known: 8 }), "{error}");
}

#[tokio::test]
async fn a_newer_postgres_schema_is_refused() {
    let server = Postgres::shared();
    let url = server.fresh_database();
    drop(PostgresCatalog::open(&url).await.unwrap());
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE snowbank_schema SET version = 99").execute(&mut connection).await.unwrap();
    let error = PostgresCatalog::open(&url).await.unwrap_err();
    assert!(matches!(error, CatalogError::Newer { found: 99, known: 8 }), "{error}");
}

/// The tables of version 1 with a repository and two entries in them, as each database calls a number, bytes and a clustered table.
fn version_one(id: &str, bytes: &str, clustered: &str) -> sqlx::AssertSqlSafe<String> {
    let tables = include_str!("../src/sql/schema.sql");
    let rows = "INSERT INTO domains (name) VALUES (CAST('owner' AS {bytes}));
        INSERT INTO repositories (name, folded, domain)
        VALUES (CAST('owner/name' AS {bytes}), CAST('owner/name' AS {bytes}), 1);
        INSERT INTO entries (repo, scope, key, version, place, seq, tier, size, created, accessed)
        VALUES (1, CAST('s' AS {bytes}), CAST('a' AS {bytes}), CAST('v' AS {bytes}), CAST('p' AS {bytes}), 1, 0, 5, 1, 1),
               (1, CAST('s' AS {bytes}), CAST('b' AS {bytes}), CAST('v' AS {bytes}), CAST('p' AS {bytes}), 2, 0, 6, 2, 2);
        CREATE TABLE snowbank_schema (version BIGINT NOT NULL);
        INSERT INTO snowbank_schema (version) VALUES (1);";
    let text = format!("{tables}{rows}");
    let text = text.replace("{id}", id).replace("{bytes}", bytes).replace("{clustered}", clustered);
    sqlx::AssertSqlSafe(text)
}

/// What was there is still there, and what is new works; a second opening finds nothing to do.
async fn is_brought_up_to_date(url: &str) {
    for _ in 0..2 {
        let catalog = open(url).await.unwrap();
        let old = catalog.find_repository("owner/name").await.unwrap().unwrap();
        assert_eq!(catalog.cache("main", "owner").await.unwrap().domain, old.domain);
        assert_eq!(catalog.holdings(old.id).await.unwrap(), Holdings { entries: 2, bytes: 11 });
    }
}

#[tokio::test]
async fn a_version_1_sqlite_file_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("catalog.db").display());
    let mut connection = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
    let text = version_one("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB", " WITHOUT ROWID");
    sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    is_brought_up_to_date(&url).await;
}

#[tokio::test]
async fn a_version_1_postgres_database_is_brought_up_to_date() {
    let server = Postgres::shared();
    let url = server.fresh_database();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let text = version_one("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "BYTEA", "");
    sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
    is_brought_up_to_date(&url).await;
}

#[tokio::test]
async fn sqlite_is_durable_and_checks_references() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    drop(SqliteCatalog::open(&path).await.unwrap());
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
    assert_eq!(mode, "wal");
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection).await.unwrap();
    assert!(broken.is_empty());
}

#[tokio::test]
async fn errors_name_the_place_and_never_the_password() {
    for url in [
        "postgres://user:hunter2@127.0.0.1:1/name",
        "postgres://user:hunter2@[/name",
        "mysql://user:hunter2@127.0.0.1/name",
        "user:hunter2@127.0.0.1",
    ] {
        let Err(error) = open(url).await else { panic!("nothing listens at {url}") };
        let told = told(&error);
        assert!(!told.contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{told}");
    }
    let Err(error) = open("postgres://user:hunter2@127.0.0.1:1/name").await else { panic!() };
    assert_eq!(error.to_string(), "could not open the catalog at postgres://127.0.0.1:1/name");
    let Err(error) = open("sqlite:/nowhere/at/all.db").await else { panic!() };
    assert_eq!(error.to_string(), "could not open the catalog at /nowhere/at/all.db");
}

#[tokio::test]
async fn a_postgres_connection_is_encrypted_and_its_server_proved_where_the_url_says_so() {
    let server = Postgres::shared();
    let url = server.fresh_database();
    let authority = server.authority().display();
    open(&format!("{url}?sslmode=require")).await.unwrap();
    open(&format!("{url}?sslmode=verify-full&sslrootcert={authority}")).await.unwrap();
    let error = open(&format!("{url}?sslmode=verify-full")).await.map(drop).unwrap_err();
    assert!(told(&error).contains("certificate"), "{}", told(&error));
}
