//! Who may import whom is written in the table of `docs/architecture.md`; this holds the manifests to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use snowbank_testkit::tools::repository;

use crate::workspace::own;

/// What a crate may import of ours.
#[derive(Debug, PartialEq, Eq)]
enum May {
    Only(BTreeSet<String>),
    All,
}

/// Reads the table whose first line is `| crate | may import | ...`.
fn table(document: &str) -> BTreeMap<String, May> {
    let rows = document.lines().skip_while(|line| !line.starts_with("| crate | may import |")).skip(2);
    let mut table = BTreeMap::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (Some(crates), Some(imports)) = (cells.next(), cells.next()) else { continue };
        for name in crates.split(", ") {
            let may = match imports {
                "all" => May::All,
                none if none.starts_with("nothing of ours") => May::Only(BTreeSet::new()),
                some => May::Only(some.split(", ").map(str::to_owned).collect()),
            };
            table.insert(name.to_owned(), may);
        }
    }
    table
}

#[test]
fn no_crate_imports_against_the_table() {
    let document = fs::read_to_string(repository().join("docs/architecture.md")).unwrap();
    let table = table(&document);
    let mut wrong = Vec::new();
    for package in own() {
        let Some(may) = table.get(package.room()) else {
            wrong.push(format!("{} is not in the table of docs/architecture.md", package.room()));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(path) = &dependency.path else { continue };
            let imported = path.file_name().unwrap().to_str().unwrap();
            // Itself: how a crate's tests turn on its own features.
            let for_tests =
                dependency.kind.as_deref() == Some("dev") && ["testkit", package.room()].contains(&imported);
            let allowed = match may {
                May::All => true,
                May::Only(names) => names.contains(imported),
            };
            if !allowed && !for_tests {
                wrong.push(format!("{} must not import {imported}", package.room()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_is_read_as_it_is_meant() {
    let read = table(
        "text\n| crate | may import | never holds |\n|---|---|---|\n| a, b | nothing of ours | x |\n\
         | c | a, b | y |\n| d | all | z |\n\n| e | f | g |\n",
    );
    let only = |names: &[&str]| May::Only(names.iter().map(|&name| name.to_owned()).collect());
    let expected = [("a", only(&[])), ("b", only(&[])), ("c", only(&["a", "b"])), ("d", May::All)];
    assert_eq!(read, expected.map(|(name, may)| (name.to_owned(), may)).into());
}
