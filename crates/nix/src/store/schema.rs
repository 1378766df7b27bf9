//! Which tables there are, and whether they are Nix's (`schema.sql`, `ca-specific-schema.sql` of 2.0 to 2.35).

use rusqlite::{Connection, Result};

/// The tables that every database has, with their columns.
const TABLES: [(&str, &str); 3] = [
    ("ValidPaths", "ca deriver hash id narSize path registrationTime sigs ultimate"),
    ("Refs", "reference referrer"),
    ("DerivationOutputs", "drv id path"),
];

/// The tables of realisations up to Nix 2.34.
const OLD_REALISATIONS: [(&str, &str); 2] = [
    ("Realisations", "drvPath id outputName outputPath signatures"),
    ("RealisationsRefs", "realisationReference referrer"),
];

/// The table of realisations from Nix 2.35 on.
const BUILD_TRACE: (&str, &str) = ("BuildTraceV3", "drvPath id outputName outputPath signatures");

/// Tables of SQLite's own, and the list of what was changed since version 10.
const OTHERS: [&str; 3] = ["SchemaMigrations", "sqlite_sequence", "sqlite_stat1"];

/// The changes that Nix has made since version 10.
const MIGRATIONS: [&str; 4] = [
    "20220326-ca-derivations",
    "20251016-ca-derivations",
    "20251017-ca-derivations",
    "20260309-drop-redundant-indexreferrer",
];

/// What is there.
#[derive(Debug)]
pub(super) struct Schema {
    /// Whether there are realisations as up to Nix 2.34.
    pub(super) realisations: bool,
    /// Whether there are realisations as from Nix 2.35 on.
    pub(super) build_trace: bool,
    /// Something that no known Nix put there, if there is any.
    pub(super) unknown: Option<String>,
}

impl Schema {
    /// Looks at what there is. The error within: a table that cannot be read as Nix's.
    pub(super) fn of(connection: &Connection) -> Result<Result<Self, &'static str>> {
        for (table, wanted) in TABLES {
            if columns(connection, table)? != wanted {
                return Ok(Err(table));
            }
        }
        let mut realisations = true;
        for (table, wanted) in OLD_REALISATIONS {
            realisations &= columns(connection, table)? == wanted;
        }
        let build_trace = columns(connection, BUILD_TRACE.0)? == BUILD_TRACE.1;
        let mut schema = Self { realisations, build_trace, unknown: None };
        schema.unknown = schema.find_unknown(connection)?;
        Ok(Ok(schema))
    }

    fn find_unknown(&self, connection: &Connection) -> Result<Option<String>> {
        let tables =
            strings(connection, "select name from sqlite_master where type = 'table' order by name")?;
        let known = |name: &str| {
            TABLES.iter().any(|(table, _)| *table == name)
                || OTHERS.contains(&name)
                || self.realisations && OLD_REALISATIONS.iter().any(|(table, _)| *table == name)
                || self.build_trace && BUILD_TRACE.0 == name
        };
        if let Some(table) = tables.iter().find(|table| !known(table)) {
            return Ok(Some(format!("the table {table:?}")));
        }
        if !tables.iter().any(|table| table == "SchemaMigrations") {
            return Ok(None);
        }
        let migrations = strings(connection, "select migration from SchemaMigrations order by migration")?;
        let unknown = migrations.iter().find(|name| !MIGRATIONS.contains(&name.as_str()));
        Ok(unknown.map(|name| format!("the change {name:?}")))
    }
}

/// The names of a table's columns, sorted, with spaces between; empty if there is no such table.
fn columns(connection: &Connection, table: &str) -> Result<String> {
    let mut statement = connection.prepare("select name from pragma_table_info(?1) order by name")?;
    let names: Vec<String> = statement.query_map([table], |row| row.get(0))?.collect::<Result<_>>()?;
    Ok(names.join(" "))
}

fn strings(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}
