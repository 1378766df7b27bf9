//! The document of the API, and whether calls and answers are as it says. Every call that any of these tests makes is held
//! against it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use crate::support::Answer;

/// Where the calls of the document are.
pub(crate) const API: &str = "/api/v1";

/// The document.
pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../src/http/api/openapi.json")).unwrap());

/// What the document says of a call.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    /// The path as the document has it.
    pub(crate) path: &'static str,
    /// The method in small letters.
    pub(crate) method: &'static str,
    /// All else.
    pub(crate) says: &'static Value,
}

impl Operation {
    /// Every call of the document.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let paths = DOCUMENT["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters");
            methods.map(move |(method, says)| Self { path, method, says })
        })
    }

    /// The one that a request means.
    fn of(method: &str, path: &str) -> Option<Self> {
        let method = if method == "HEAD" { "GET" } else { method };
        Self::all().find(|call| call.method.eq_ignore_ascii_case(method) && matches(call.path, path))
    }

    /// The answers by their statuses.
    pub(crate) fn answers(self) -> impl Iterator<Item = (&'static str, &'static Value)> {
        let answers = self.says["responses"].as_object().unwrap().iter();
        answers.map(|(status, answer)| (status.as_str(), referred(answer)))
    }

    /// The names of the parameters in its query.
    fn parameters(self) -> BTreeSet<&'static str> {
        let parameters = self.says["parameters"].as_array().into_iter().flatten().map(referred);
        parameters.filter(|one| one["in"] == "query").map(|one| one["name"].as_str().unwrap()).collect()
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut parts, mut named) = (path.split('/'), template.split('/'));
    named.by_ref().all(|name| parts.next().is_some_and(|part| name == part || name.starts_with('{')))
        && parts.next().is_none()
}

/// What a reference refers to.
fn referred(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(to) => DOCUMENT.pointer(to.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("no {to}")),
        None => value,
    }
}

/// Holds a call and its answer against the document. Gives back which of the document's answers it was; none where the
/// request was to something else.
pub(crate) fn check(
    method: &str,
    target: &str,
    body: &[u8],
    answer: &Answer,
) -> Option<(Operation, &'static str)> {
    let call = format!("{method} {target}");
    let rest = target.strip_prefix(API)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let Some(operation) = Operation::of(method, path) else {
        assert_eq!(answer.status, 404, "{call}: the document has no such call");
        assert_valid(&call, &json!({ "$ref": "#/components/schemas/Failure" }), &answer.json());
        return None;
    };
    let status = answer.status.to_string();
    let is = |known: &str| known == status || known == format!("{}XX", &status[..1]);
    let Some((status, says)) = operation.answers().find(|(known, _)| is(known)) else {
        panic!("{call} is answered by {status}, of which the document says nothing: {answer:?}");
    };
    if method == "HEAD" {
        return Some((operation, status));
    }
    let content = says["content"].as_object().into_iter().flatten().next();
    assert_eq!(
        answer.header("content-type"),
        content.map(|(kind, _)| kind.as_str()),
        "{call} with {status}: the document has another kind of content"
    );
    match content {
        None => assert_eq!(answer.text(), "", "{call} with {status}: the document has no content"),
        Some((_, content)) if !content["schema"].is_null() => {
            assert_valid(&call, &content["schema"], &answer.json());
        }
        Some(_) => {}
    }
    if status.starts_with('2') {
        assert_taken(&call, operation, query, body);
    }
    Some((operation, status))
}

/// What was taken is as the document says that it may be.
fn assert_taken(call: &str, operation: Operation, query: &str, body: &[u8]) {
    let parameters = operation.parameters();
    for name in query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty()) {
        assert!(parameters.contains(name), "{call}: the document has no `{name}`");
    }
    let schema = &operation.says["requestBody"]["content"]["application/json"]["schema"];
    if !schema.is_null() && !body.is_empty() {
        assert_valid(call, schema, &serde_json::from_slice(body).unwrap());
    }
}

fn assert_valid(call: &str, schema: &Value, instance: &Value) {
    let validator = validator(schema);
    let wrong: Vec<_> =
        validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{call} is not as the document says: {wrong:#?}\n{instance:#}");
}

/// A schema of the document, with what it may refer to. Made once.
fn validator(schema: &Value) -> Arc<Validator> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let make = || {
        let whole = json!({ "components": DOCUMENT["components"], "allOf": [schema] });
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        Arc::new(options.build(&whole).unwrap())
    };
    Arc::clone(made.entry(schema.to_string()).or_insert_with(make))
}
