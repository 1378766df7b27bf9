//! The document of the API: that it is one, tells of every call, and that each of its answers is given. What the calls
//! come to is the business of other tests, all of which are held against it ([`crate::described`]).

mod bearers;
mod tour;

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use snowbank_testkit::tools;

use crate::described::{API, DOCUMENT, Operation};
use crate::support::Server;

#[tokio::test]
async fn anybody_may_read_it() {
    let server = Server::start().await;
    let answer = server.bare("GET", "/api/v1/openapi.json", &[], b"").await;
    assert_eq!((answer.status, answer.json()), (200, DOCUMENT.clone()));
    assert!(answer.header("cache-control").is_some());
}

#[test]
fn it_tells_of_every_call_and_of_no_other() {
    let routed = snowbank_server::http::calls().into_iter().filter_map(|call| {
        let path = call.path.strip_prefix(API)?.to_owned();
        Some((path, call.method.to_ascii_lowercase()))
    });
    let routed: BTreeSet<_> = routed.collect();
    let described = Operation::all().map(|call| (call.path.to_owned(), call.method.to_owned())).collect();
    assert_eq!(routed, described);
}

#[test]
fn it_leaves_nothing_of_an_answer_open() {
    let mut open = Vec::new();
    let answers = Operation::all().filter(|call| call.path != "/openapi.json").flat_map(Operation::answers);
    answers.for_each(|(_, answer)| look(answer, &mut open, &mut BTreeSet::new()));
    assert!(open.is_empty(), "objects that may have other fields, or lack some: {open:#?}");
}

/// Objects in a schema, and in what it refers to, that do not say all.
fn look(value: &'static Value, open: &mut Vec<&'static Value>, seen: &mut BTreeSet<&'static str>) {
    if let Some(to) = value["$ref"].as_str().filter(|to| seen.insert(to)) {
        look(DOCUMENT.pointer(&to[1..]).unwrap(), open, seen);
    }
    if let Some(properties) = value["properties"].as_object() {
        let required = value["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
        let all: BTreeSet<_> = properties.keys().map(String::as_str).collect();
        if value["additionalProperties"] != false || required.collect::<BTreeSet<_>>() != all {
            open.push(value);
        }
    } else if value["type"] == "object" {
        open.push(value);
    }
    let below: Vec<_> = match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(values) => values.iter().collect(),
        _ => Vec::new(),
    };
    below.into_iter().for_each(|value| look(value, open, seen));
}

#[test]
fn nothing_of_it_is_left_over() {
    let text = DOCUMENT.to_string();
    for (kind, components) in DOCUMENT["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys().filter(|_| kind != "securitySchemes") {
            assert!(text.contains(&format!("\"#/components/{kind}/{name}\"")), "{kind}/{name}");
        }
    }
}

#[test]
fn a_validator_of_others_finds_nothing_wrong() {
    tools::ensure("openapi");
    let script = "
import json, sys
from openapi_spec_validator import OpenAPIV31SpecValidator
wrong = list(OpenAPIV31SpecValidator(json.load(open(sys.argv[1]))).iter_errors())
assert not wrong, wrong
";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/api/openapi.json");
    let python = tools::folder().join("venv/bin/python");
    let output = Command::new(python).args(["-c", script, file]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
