//! What the protocols that take a JSON schema share: its name, and whether it is one that OpenAI's strict mode takes.

use serde_json::Value;

/// The name under which a schema is sent.
pub(crate) const NAME: &str = "answer";

/// Whether every object names all of its members as required and allows no others, as strict mode demands. A schema that does
/// not is sent all the same, as advice.
pub(crate) fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            let is_object =
                members.get("type").is_some_and(|kind| kind == "object") || members.contains_key("properties");
            let closed = !is_object || is_closed(schema);
            // `properties` and `$defs` hold schemas by name; their names are no keywords.
            closed
                && members.iter().all(|(name, value)| match name.as_str() {
                    "properties" | "$defs" | "definitions" => {
                        value.as_object().is_some_and(|named| named.values().all(is_strict))
                    }
                    "enum" | "const" | "default" | "examples" => true,
                    _ => is_strict(value),
                })
        }
        Value::Array(list) => list.iter().all(is_strict),
        _ => true,
    }
}

fn is_closed(schema: &Value) -> bool {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let all_named = schema["properties"]
        .as_object()
        .is_some_and(|properties| properties.keys().all(|name| required.iter().any(|required| required == name)));
    schema["additionalProperties"] == false && all_named
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strict_schemas_are_told_apart() {
        let closed = |inner: Value| json!({"type": "object", "properties": {"type": inner}, "required": ["type"], "additionalProperties": false});
        assert!(is_strict(&closed(json!({"type": "string", "enum": [{"properties": 1}]}))));
        assert!(is_strict(&closed(closed(json!({"type": "array", "items": closed(json!({"type": "null"}))})))));
        assert!(!is_strict(&closed(json!({"type": "object"}))));
        assert!(!is_strict(&json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false})));
        assert!(!is_strict(&json!({"type": "array", "items": {"properties": {}, "required": []}})));
    }
}
