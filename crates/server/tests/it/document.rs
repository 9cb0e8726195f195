//! The OpenAPI document: its snapshot, and that it tells the truth about every answer of these tests.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use boon::{Compiler, Schemas};
use reqwest::Method;
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(imagemill_server::openapi()).unwrap());

/// Path templates with the longest literal parts first.
static PATHS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut paths: Vec<&str> = DOCUMENT["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    paths.sort_by_key(|path| path.matches('{').count());
    paths
});

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
}

/// Holds an answer against what the document says of it.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, status: u16, body: &Value) {
    let path = format!("/api/v1{}", path.split('?').next().unwrap());
    let Some(template) = PATHS.iter().find(|template| fits(template, &path)) else {
        assert!(status >= 400, "{method} {path} is not in the document");
        return;
    };
    let operation = &DOCUMENT["paths"][*template][method.as_str().to_lowercase()];
    assert!(operation.is_object() || status == 405, "{method} {template} is not in the document");
    let answers = &operation["responses"];
    let named = &answers[status.to_string()];
    assert!(
        named.is_object() || status >= 400,
        "{method} {template} answers {status}, which the document does not say"
    );
    let answer = if named.is_object() { named } else { &answers["default"] };
    let Some(schema) = answer["content"].as_object().and_then(|content| content.values().next()) else { return };
    if schema["schema"]["type"] == "string" || !(body.is_object() || body.is_array()) {
        return;
    }
    let whole = json!({"components": DOCUMENT["components"], "allOf": [schema["schema"]]});
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.add_resource("document:/answer.json", whole).unwrap();
    let answer = compiler.compile("document:/answer.json", &mut schemas).unwrap();
    let wrong = schemas.validate(body, answer).err().map(|error| format!("{error:#}"));
    assert!(wrong.is_none(), "{method} {template} {status}: {wrong:#?}\n{body:#}");
    // What is answered is also named there.
    if let (Some(reference), Some(body)) = (schema["schema"]["$ref"].as_str(), body.as_object()) {
        let name = reference.rsplit('/').next().unwrap();
        let known = DOCUMENT["components"]["schemas"][name]["properties"].as_object().unwrap();
        let more: Vec<&String> = body.keys().filter(|key| !known.contains_key(*key)).collect();
        assert!(more.is_empty(), "{method} {template}: the document does not name {more:?}");
    }
}

#[test]
fn the_snapshot_is_the_document() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api/openapi.json");
    let now = serde_json::to_string_pretty(&*DOCUMENT).unwrap() + "\n";
    if std::env::var_os("IMAGEMILL_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == now, "docs/api/openapi.json is not what the server says; run with IMAGEMILL_UPDATE_SNAPSHOTS=1");
}

#[test]
fn every_operation_is_named_once_and_says_what_it_does() {
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{at}");
            assert!(operation["responses"]["default"].is_object(), "{at}");
            let id = operation["operationId"].as_str().unwrap().to_owned();
            if let Some(other) = names.insert(id.clone(), at.clone()) {
                panic!("{at} and {other} are both called {id}");
            }
        }
    }
    assert!(names.len() > 45, "{}", names.len());
}
