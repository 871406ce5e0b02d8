//! The hub's OpenAPI document, as a program reads it.

use serde_json::{Map, Value, json};

/// The document of a running hub.
pub(crate) struct Document(pub(crate) Value);

/// A method on an address.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// `GET`, `PUT`, …
    pub(crate) method: String,
    /// With its parameters in braces.
    pub(crate) path: String,
    /// The schema of its JSON body.
    body: Option<Value>,
}

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

impl Document {
    /// Every operation.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for (method, about) in item.as_object().unwrap() {
                if METHODS.contains(&method.as_str()) {
                    let body = about.pointer("/requestBody/content/application~1json/schema");
                    let (method, path) = (method.to_uppercase(), path.clone());
                    all.push(Operation { method, path, body: body.cloned() });
                }
            }
        }
        all
    }

    /// The least that the schema of an operation's body asks for; none where it has no body.
    pub(crate) fn least_body(&self, operation: &Operation) -> Option<Value> {
        operation.body.as_ref().map(|schema| self.least(schema))
    }

    fn least(&self, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str() {
            return self.least(self.0.pointer(name.trim_start_matches('#')).unwrap());
        }
        if let Some(all) = schema["allOf"].as_array() {
            let parts = all.iter().map(|part| self.least(part));
            let members = parts.filter_map(|part| part.as_object().cloned()).flatten();
            return Value::Object(members.collect());
        }
        for one in ["oneOf", "anyOf"] {
            if let Some(first) =
                schema[one].as_array().and_then(|list| list.iter().find(|it| it["type"] != "null"))
            {
                return self.least(first);
            }
        }
        if let Some(first) = schema["enum"].as_array().and_then(|list| list.first()) {
            return first.clone();
        }
        let kind =
            schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
        match kind {
            "object" => self.least_object(schema),
            "array" => json!([self.least(&schema["items"])]),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
            "boolean" => json!(true),
            "string" if schema["format"] == "date-time" => json!("2099-01-01T00:00:00Z"),
            _ => schema.get("example").cloned().unwrap_or_else(|| json!("x")),
        }
    }

    fn least_object(&self, schema: &Value) -> Value {
        let mut members = Map::new();
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            members.insert(name.to_owned(), self.least(&schema["properties"][name]));
        }
        Value::Object(members)
    }
}

impl Operation {
    /// `PUT /v1/agents/{agent}`
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The names of the path's parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

#[test]
fn the_least_body_has_what_is_required_and_no_more() {
    let schema = json!({ "$ref": "#/components/schemas/New" });
    let new = json!({
        "type": "object",
        "required": ["name", "kind", "many"],
        "properties": {
            "name": { "type": "string" },
            "kind": { "oneOf": [{ "type": "null" }, { "type": "string", "enum": ["a", "b"] }] },
            "many": { "type": "array", "items": { "type": "integer" } },
            "more": { "type": "string" },
        },
    });
    let paths = json!({ "/v1/x/{id}": {
        "parameters": [],
        "post": { "requestBody": { "content": { "application/json": { "schema": schema } } } },
        "get": {},
    } });
    let document = Document(json!({ "paths": paths, "components": { "schemas": { "New": new } } }));
    let all = document.operations();
    let names: Vec<_> = all.iter().map(Operation::name).collect();
    assert_eq!(names, ["GET /v1/x/{id}", "POST /v1/x/{id}"]);
    assert_eq!(all[1].parameters().collect::<Vec<_>>(), ["id"]);
    let least = json!({ "name": "x", "kind": "a", "many": [1] });
    assert_eq!(document.least_body(&all[1]), Some(least));
    assert_eq!(document.least_body(&all[0]), None);
}
