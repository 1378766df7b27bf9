//! The examples' YAML, as JSON values, and what the forges say of its form.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;
use snowbank_testkit::tools::repository;

/// An example's text.
pub(crate) fn text(name: &str) -> String {
    let file = repository().join("examples").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The one document of an example.
pub(crate) fn read(name: &str) -> Value {
    let text = text(name);
    let documents = Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(documents.len(), 1, "{name}");
    value(&documents[0])
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(truth)) => (*truth).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(fields) => {
            let key =
                |key: &Yaml<'_>| key.as_str().unwrap_or_else(|| panic!("{key:?} is no name")).to_owned();
            Value::Object(fields.iter().map(|(name, field)| (key(name), value(field))).collect())
        }
        other => panic!("{other:?} has no place in an example"),
    }
}

/// The names of a mapping, each of which must be known.
pub(crate) fn fields<'a>(of: &'a Value, known: &[&str]) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let map = of.as_object().unwrap_or_else(|| panic!("{of} is no mapping"));
    for name in map.keys() {
        assert!(known.contains(&name.as_str()), "`{name}` is none of {known:?}");
    }
    map.iter().map(|(name, value)| (name.as_str(), value))
}

/// A scalar as a forge puts it into a variable.
pub(crate) fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text with what stands in `${{ }}` replaced by what is known of it.
pub(crate) fn filled(text: &str, known: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${{") {
        let (expression, after) = behind.split_once("}}").unwrap_or_else(|| panic!("{text} does not close"));
        let expression = expression.trim();
        out.push_str(before);
        out.push_str(&known(expression).unwrap_or_else(|| panic!("`{expression}` is not known")));
        rest = after;
    }
    out + rest
}

/// The steps of a workflow's one job, its form checked.
pub(crate) fn steps(workflow: &Value) -> Vec<Value> {
    let top = ["name", "on", "env", "jobs", "permissions"];
    assert_eq!(fields(workflow, &top).filter(|(name, _)| ["on", "jobs"].contains(name)).count(), 2);
    let jobs = workflow["jobs"].as_object().unwrap();
    assert_eq!(jobs.len(), 1);
    let job = jobs.values().next().unwrap();
    fields(job, &["runs-on", "permissions", "steps"]).for_each(drop);
    assert!(job["runs-on"].is_string());
    let steps = job["steps"].as_array().unwrap().clone();
    for step in &steps {
        fields(step, &["name", "id", "if", "env", "uses", "with", "run"]).for_each(drop);
        assert!(step["uses"].is_string() != step["run"].is_string(), "{step}");
        assert!(step["with"].is_null() || step["uses"].is_string(), "{step}");
        if let Some(action) = step["uses"].as_str() {
            assert!(action.contains('/') && action.contains('@'), "{action}");
        }
    }
    steps
}
