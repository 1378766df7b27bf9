//! `docs/urls.md`: every call that the server answers. Its part on our own API is made from the API's document.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use snowbank_server::http;

/// Names a variable with which the part is written and not compared.
const WRITE: &str = "SNOWBANK_WRITE_DOCS";

const FROM: &str = "<!-- from here on made from the document: make docs -->\n";
const TO: &str = "<!-- to here -->\n";

/// Where an Enterprise Server of GitHub's has the same again.
const AGAIN: &str = "/api/v3";

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/urls.md")
}

fn page() -> String {
    std::fs::read_to_string(file()).unwrap()
}

/// A path as people read it: `{*path}` is `PATH`.
fn readable(path: &str) -> String {
    let mut inside = false;
    let letters = path.chars().filter_map(|letter| {
        inside = letter == '{' || (inside && letter != '}');
        match letter {
            '{' | '}' | '*' => None,
            letter if inside => Some(letter.to_ascii_uppercase()),
            letter => Some(letter),
        }
    });
    letters.collect()
}

/// The calls that the page's tables name: what stands between backquotes in the first two cells of a row.
fn named(page: &str) -> Vec<String> {
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut calls = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').collect();
        for method in quoted(cells[1]) {
            calls.extend(quoted(cells[2]).iter().map(|path| format!("{method} {path}")));
        }
    }
    calls
}

#[test]
fn every_call_is_on_the_page_once_and_nothing_else_is() {
    let calls = http::calls().into_iter().map(|call| (call.method, readable(&call.path)));
    let (again, calls): (Vec<_>, Vec<_>) = calls.partition(|(_, path)| path.starts_with(AGAIN));
    let answered: BTreeSet<_> = calls.iter().map(|(method, path)| format!("{method} {path}")).collect();
    for (method, path) in again {
        let first = format!("{method} {}", &path[AGAIN.len()..]);
        assert!(answered.contains(&first), "{method} {path} is there only once");
    }
    let named = named(&page());
    let on_page: BTreeSet<_> = named.iter().cloned().collect();
    assert_eq!(on_page.len(), named.len(), "something is named twice");
    assert_eq!(
        on_page.difference(&answered).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "there is no such call"
    );
    assert_eq!(answered.difference(&on_page).collect::<Vec<_>>(), Vec::<&String>::new(), "the page lacks it");
}

#[test]
fn routes_are_made_where_they_are_listed() {
    let mut elsewhere = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if !entry.ends_with("http/calls.rs") {
                let text = std::fs::read_to_string(&entry).unwrap_or_default();
                let made = [".route(", ".route_service(", ".nest_service("];
                let is_made = |word: &&str| text.split(*word).skip(1).any(|rest| !rest.starts_with(')'));
                elsewhere.extend(made.iter().any(is_made).then_some(entry));
            }
        }
    }
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

#[test]
fn its_part_on_our_own_api_is_current() {
    let page = page();
    let (before, rest) = page.split_once(FROM).unwrap();
    let (_, after) = rest.split_once(TO).unwrap();
    let made = format!("{before}{FROM}\n{}\n{TO}{after}", part());
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(file(), &made).unwrap();
    }
    assert!(
        made == std::fs::read_to_string(file()).unwrap(),
        "docs/urls.md is not what the document says: `make docs` writes it"
    );
}

/// The calls of the document, by what they are about.
fn part() -> String {
    let document: Value = serde_json::from_str(include_str!("../src/http/api/openapi.json")).unwrap();
    let base = document["servers"][0]["url"].as_str().unwrap();
    let mut part = "| method | path | who may | |\n|---|---|---|---|\n".to_owned();
    for tag in document["tags"].as_array().unwrap() {
        for (path, item) in document["paths"].as_object().unwrap() {
            let methods = item.as_object().unwrap().iter().filter(|(_, call)| call["tags"][0] == tag["name"]);
            for (method, call) in methods {
                let _ = writeln!(
                    part,
                    "| `{}` | `{base}{}` | {} | {} |",
                    method.to_uppercase(),
                    readable(path),
                    who(&call["security"]),
                    call["summary"].as_str().unwrap()
                );
            }
        }
    }
    part
}

/// Who may, in words.
fn who(security: &Value) -> String {
    let ways = security.as_array().unwrap();
    let everybody = ways.iter().any(|way| way.as_object().unwrap().is_empty());
    let roles = ways.iter().flat_map(|way| way["token"].as_array().into_iter().flatten());
    let roles: Vec<_> = roles.map(|role| word(role.as_str().unwrap())).collect();
    if ways.iter().any(|way| way["identity"].is_array()) {
        return "who has an identity token".to_owned();
    }
    match (roles.is_empty(), everybody) {
        (true, _) => "everybody".to_owned(),
        (false, true) => format!("{}; everybody, of a public one", roles.join(", ")),
        (false, false) => roles.join(", "),
    }
}

fn word(role: &str) -> String {
    match role {
        "administrator" => "an administrator".to_owned(),
        "job" => "a job".to_owned(),
        right => format!("`{right}`"),
    }
}
