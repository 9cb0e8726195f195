//! A small valid instance of a JSON schema, always the same one, for answers that must keep to it. It must not know protocols.

use serde_json::{Map, Value, json};

/// Deeper schemas than this end in null; a schema that holds itself has no smallest instance to find.
const MAX_DEPTH: usize = 16;

/// An instance of `schema`. Texts say `words` where nothing else is asked.
pub(crate) fn of(schema: &Value, words: &str) -> Value {
    Maker { root: schema, words }.make(schema, 0)
}

/// The same with something wrong about it: a member is missing, or its type is another.
pub(crate) fn spoiled(schema: &Value, words: &str) -> Value {
    match of(schema, words) {
        Value::Object(mut members) if !members.is_empty() => {
            let first = members.keys().next().cloned().unwrap_or_default();
            members.remove(&first);
            members.into()
        }
        Value::String(_) => Value::Bool(false),
        _ => "this is not what was asked for".into(),
    }
}

struct Maker<'a> {
    root: &'a Value,
    words: &'a str,
}

impl Maker<'_> {
    fn make(&self, schema: &Value, depth: usize) -> Value {
        let Value::Object(keywords) = schema else { return Value::Null };
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(value) = keywords.get("const") {
            return value.clone();
        }
        if let Some(first) = keywords.get("enum").and_then(|values| values.get(0)) {
            return first.clone();
        }
        if let Some(target) = keywords.get("$ref").and_then(Value::as_str) {
            let found = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return found.map_or(Value::Null, |found| self.make(found, depth + 1));
        }
        for any in ["anyOf", "oneOf"] {
            if let Some(first) = keywords.get(any).and_then(|choices| choices.get(0)) {
                return self.make(first, depth + 1);
            }
        }
        if let Some(all) = keywords.get("allOf").and_then(Value::as_array) {
            return self.joined(all, depth);
        }
        match kind(keywords) {
            "object" => self.object(keywords, depth),
            "array" => self.array(keywords, depth),
            "string" => self.string(keywords),
            "boolean" => true.into(),
            "integer" => number(keywords).ceil().to_string().parse::<i64>().unwrap_or(0).into(),
            "number" => json!(number(keywords)),
            _ => Value::Null,
        }
    }

    /// All members that are named: more than the least, so that there is something to read.
    fn object(&self, keywords: &Map<String, Value>, depth: usize) -> Value {
        let properties = keywords.get("properties").and_then(Value::as_object);
        let mut members: Map<String, Value> = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.clone(), self.make(schema, depth + 1)))
            .collect();
        for name in keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            members.entry(name).or_insert_with(|| self.words.into());
        }
        members.into()
    }

    fn array(&self, keywords: &Map<String, Value>, depth: usize) -> Value {
        let least = keywords.get("minItems").and_then(Value::as_u64).unwrap_or(1);
        let most = keywords.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let item = keywords.get("items").map_or(Value::Null, |items| self.make(items, depth + 1));
        (0..least.min(most).min(64)).map(|_| item.clone()).collect()
    }

    fn string(&self, keywords: &Map<String, Value>) -> Value {
        let length = |name: &str| keywords.get(name).and_then(Value::as_u64).map(|length| length as usize);
        let mut text: String = self.words.chars().take(length("maxLength").unwrap_or(200)).collect();
        while text.chars().count() < length("minLength").unwrap_or(0).min(10_000) {
            text.push('x');
        }
        text.into()
    }

    fn joined(&self, all: &[Value], depth: usize) -> Value {
        let mut joined = Value::Null;
        for part in all {
            match (&mut joined, self.make(part, depth + 1)) {
                (Value::Object(members), Value::Object(more)) => members.extend(more),
                (joined, made) if joined.is_null() => *joined = made,
                _ => {}
            }
        }
        joined
    }
}

fn kind(keywords: &Map<String, Value>) -> &str {
    let named = match keywords.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        Some(kind) => kind.as_str(),
        None => None,
    };
    named.unwrap_or(if keywords.contains_key("properties") { "object" } else { "null" })
}

fn number(keywords: &Map<String, Value>) -> f64 {
    let bound = |name: &str| keywords.get(name).and_then(Value::as_f64);
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|bound| bound + 1.0));
    let most = bound("maximum").or(bound("exclusiveMaximum").map(|bound| bound - 1.0));
    1.0_f64.max(least.unwrap_or(f64::MIN)).min(most.unwrap_or(f64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_keep_to_their_schemas_and_spoiled_ones_do_not() {
        let rule = json!({"type": "object", "required": ["id", "score"], "additionalProperties": false, "properties": {
            "id": {"type": "string", "minLength": 40, "maxLength": 50},
            "score": {"type": "integer", "minimum": 3, "maximum": 5},
        }});
        let schema = json!({
            "type": "object", "required": ["result", "rules", "note", "share", "kind", "parent"],
            "properties": {
                "result": {"enum": ["PASS", "FAIL"]}, "note": {"type": ["null", "string"]}, "kind": {"const": 7},
                "rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}, "minItems": 2},
                "share": {"type": "number", "exclusiveMaximum": 0}, "parent": {"anyOf": [{"type": "null"}, {"type": "string"}]},
                "all": {"allOf": [{"$ref": "#/$defs/rule"}, {"properties": {"extra": {"type": "boolean"}}}]},
            },
            "$defs": {"rule": rule},
        });
        let made = of(&schema, "words");
        let rule = json!({"id": format!("words{}", "x".repeat(35)), "score": 3});
        let expected = json!({
            "result": "PASS", "note": "words", "kind": 7, "rules": [rule, rule], "share": -1.0, "parent": null,
            "all": {"id": rule["id"], "score": 3, "extra": true},
        });
        assert_eq!(made, expected);
        assert_eq!(spoiled(&schema, "words").as_object().unwrap().len(), made.as_object().unwrap().len() - 1);
        assert_eq!(spoiled(&json!({"type": "string"}), "w"), false);
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let schema = json!({"type": "object", "properties": {"child": {"$ref": "#"}}});
        assert!(of(&schema, "w").to_string().len() < 1_000);
    }
}
