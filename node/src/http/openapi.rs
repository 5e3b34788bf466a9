//! The OpenAPI 3.1 document, made from the table of endpoints.

use http::Method;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::endpoint::{Access, Content, Endpoint};
use super::endpoints;
use super::gate::SESSION_COOKIE;
use super::problem::ProblemBody;

/// The whole document.
pub(super) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for endpoint in endpoints::all() {
        let operation = operation(endpoint, &mut generator);
        let method = endpoint.method.as_str().to_lowercase();
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[method] = operation;
    }
    let problem = generator.subschema_for::<ProblemBody>();
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tombolo node",
            "version": "1",
            "description": "Every answer carries X-Request-Id and RateLimit headers. A refused \
                call is application/problem+json (RFC 9457). Times are RFC 3339, 64-bit numbers \
                are texts. Keys that nobody knows are refused. `x-roles` names the roles of which \
                a caller needs one, `x-browser-only` what tokens cannot call.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Problem": {
                    "description": "Why the call was not done",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": SESSION_COOKIE },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, generator: &mut schemars::SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "security": security(endpoint.access),
    });
    if let Some(roles) = endpoint.access.roles() {
        operation["x-roles"] = json!(roles);
    }
    if endpoint.access.needs_browser() {
        operation["x-browser-only"] = true.into();
    }
    let parameters = parameters(endpoint, generator);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(schema) = endpoint.takes {
        let schema = schema(generator).to_value();
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    let content = match endpoint.gives.content {
        Content::Nothing => None,
        Content::Json(schema) => {
            let schema = schema(generator).to_value();
            Some(json!({ "application/json": { "schema": schema } }))
        }
        Content::Text => Some(json!({ "text/plain": { "schema": { "type": "string" } } })),
    };
    let mut done = json!({ "description": "Done" });
    if let Some(content) = content {
        done["content"] = content;
    }
    operation["responses"] = json!({
        endpoint.gives.status.as_str(): done,
        "default": { "$ref": "#/components/responses/Problem" },
    });
    operation
}

/// Parameters of the path, the query and the header that changes by browsers need.
fn parameters(endpoint: &Endpoint, generator: &mut schemars::SchemaGenerator) -> Vec<Value> {
    let mut parameters = Vec::new();
    for part in endpoint.path.split('/') {
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "string" },
            }));
        }
    }
    if let Some(query) = endpoint.query {
        let reference = query(generator).to_value();
        let name = reference["$ref"].as_str().and_then(|it| it.rsplit('/').next());
        let schema = name.and_then(|name| generator.definitions_mut().remove(name));
        let properties = schema.as_ref().and_then(|schema| schema["properties"].as_object());
        for (name, schema) in properties.into_iter().flatten() {
            parameters.push(json!({
                "name": name, "in": "query", "description": schema["description"],
                "schema": { "type": schema["type"][0] },
            }));
        }
    }
    if endpoint.access != Access::Public && endpoint.method != Method::GET {
        parameters.push(json!({
            "name": "X-CSRF-Token", "in": "header", "schema": { "type": "string" },
            "description": "With a session: its csrf_token",
        }));
    }
    parameters
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        _ if access.needs_browser() => json!([{ "session": [] }]),
        _ => json!([{ "token": [] }, { "session": [] }]),
    }
}
