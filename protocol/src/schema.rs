//! JSON Schema (2020-12) of the types, from the same derives that make the OpenAPI document.

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The JSON Schema of `T` as one self-contained document with `$defs`.
pub fn json_schema<T: ToSchema>(title: &str) -> Value {
    let mut definitions: Vec<(String, RefOr<Schema>)> = Vec::new();
    T::schemas(&mut definitions);
    let mut defs = Map::new();
    for (name, schema) in definitions {
        defs.insert(name, to_json(&schema));
    }
    let mut root = to_json(&<T as PartialSchema>::schema());
    if let Some(object) = root.as_object_mut() {
        object.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".into(), json!(title));
        object.insert("$defs".into(), Value::Object(defs));
    }
    root
}

fn to_json(schema: &RefOr<Schema>) -> Value {
    let mut value = serde_json::to_value(schema).unwrap_or(Value::Null);
    point_at_defs(&mut value);
    value
}

fn point_at_defs(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref") {
                *target = target.replace("#/components/schemas/", "#/$defs/");
            }
            members.values_mut().for_each(point_at_defs);
        }
        Value::Array(items) => items.iter_mut().for_each(point_at_defs),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_samples_schema_names_its_members_and_resolves_its_references() {
        let schema = super::json_schema::<crate::Sample>("ispeed sample");
        for member in ["id", "outcome", "started_at", "place", "latency", "down", "up", "verdict", "method", "program"]
        {
            assert!(schema["properties"].get(member).is_some(), "{member}");
        }
        let text = schema.to_string();
        for reference in text.split("\"$ref\":\"#/$defs/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schema["$defs"].get(name).is_some(), "{name} is referred to and not defined");
        }
    }
}
