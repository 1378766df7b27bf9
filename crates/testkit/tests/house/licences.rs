//! Every package that the lock file names, on any platform, has a licence from the list in `deny.toml`.

use std::fs;

use serde::Deserialize;
use snowbank_testkit::tools::repository;

use crate::workspace::all;

#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
}

fn allowed(allow: &[String], expression: &str) -> bool {
    // "MIT/Apache-2.0" is how crates wrote "or" before SPDX.
    spdx::Expression::parse_mode(expression, spdx::ParseMode::LAX).is_ok_and(|parsed| {
        parsed.evaluate(|requirement| allow.iter().any(|licence| *licence == requirement.to_string()))
    })
}

fn allow_list() -> Vec<String> {
    let text = fs::read_to_string(repository().join("deny.toml")).unwrap();
    toml::from_str::<Deny>(&text).unwrap().licenses.allow
}

#[test]
fn every_package_has_an_allowed_licence() {
    let allow = allow_list();
    let wrong: Vec<_> = all()
        .into_iter()
        .filter(|package| !package.license.as_deref().is_some_and(|licence| allowed(&allow, licence)))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_expression_is_weighed_as_a_whole() {
    let allow = allow_list();
    assert!(allowed(&allow, "MIT/Apache-2.0"));
    assert!(allowed(&allow, "GPL-3.0-only OR MIT"));
    assert!(!allowed(&allow, "GPL-3.0-only AND MIT"));
    assert!(!allowed(&allow, "AGPL-3.0-only"));
    assert!(!allowed(&allow, "some licence"));
}
