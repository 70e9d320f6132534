use std::collections::BTreeSet;

use piton_scheduler::api::{Access, Scope, Times};
use piton_shared::limits::WEBHOOK_SECRET_BYTES;
use reqwest::{Method, header};
use serde_json::{Value, json};

use super::DOCUMENT;
use crate::{
    api::{Answer, House, answer},
    making::ORG,
};

/// Every documented operation: its method, its path and what the document says of it.
fn operations() -> impl Iterator<Item = (Method, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().expect("the document has paths");
    paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().expect("a path has operations");
        operations.iter().map(|(method, operation)| {
            let method = method.to_uppercase().parse().expect("it is a method");
            (method, path.as_str(), operation)
        })
    })
}

/// Where providers send to, at addresses that they may have added parameters to. A signature lets in, not a key.
fn is_for_providers(path: &str) -> bool {
    path.starts_with("/v1/hooks/")
}

/// The path with ids that are there, as far as this house has them.
fn address(path: &str, run: &str, batch: &str) -> String {
    let id = match path.split('/').nth(2) {
        Some("runs") => run,
        Some("batches") => batch,
        Some(_) | None => "00000000-0000-7000-8000-000000000000",
    };
    let parts = path.split('/').map(|part| match part {
        "{id}" => id,
        part if part.starts_with('{') => "x",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

async fn stocked(label: &str) -> (House, String, String) {
    let house = House::new(label).await;
    let run = house.door.start(&json!({ "workflow": "order" })).await.text("id").to_owned();
    let batch = house.door.post("/v1/batches", &json!({ "function": "f", "items": [1] })).await.text("id").to_owned();
    let schedule = json!({ "name": "x", "workflow": "order", "expression": "@yearly" });
    assert_eq!(house.door.post("/v1/schedules", &schedule).await.status, 201);
    (house, run, batch)
}

/// The words of a list within a sentence: `it has a, b`.
fn words(detail: &str, before: &str) -> BTreeSet<String> {
    let (_, list) = detail.split_once(before).unwrap_or_else(|| panic!("`{before}` is not in: {detail}"));
    list.split(", ").map(ToOwned::to_owned).collect()
}

fn names<'a>(values: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    values.into_iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn routes_take_the_parameters_that_the_document_names_and_no_others() {
    let (house, run, batch) = stocked("contract_parameters").await;
    let asked = operations().filter(|(_, path, _)| path.starts_with("/v1/") && !is_for_providers(path));
    for (method, path, operation) in asked {
        let asked = format!("{}?no_such_parameter=1", address(path, &run, &batch));
        let mut request = house.door.request(method.clone(), &asked);
        if operation["requestBody"].is_object() {
            request = request.json(&json!({}));
        }
        let refused = answer(request).await;
        assert_eq!(refused.brief(), "400 invalid_parameter", "{method} {path}");
        let documented = operation["parameters"].as_array().into_iter().flatten();
        let documented = names(documented.filter(|it| it["in"] == "query").map(|it| &it["name"]));
        let detail = refused.text("detail");
        if documented.is_empty() {
            assert!(detail.contains("takes no parameters"), "{method} {path}: {detail}");
        } else {
            assert_eq!(words(detail, "this address takes "), documented, "{method} {path}");
        }
    }
    house.finish().await;
}

#[tokio::test]
async fn bodies_have_the_fields_that_the_document_names_and_no_others() {
    let (house, run, batch) = stocked("contract_bodies").await;
    let mut seen = 0;
    for (method, path, operation) in operations() {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else {
            continue;
        };
        let schema = resolved(schema);
        let refused = answer(
            house.door.request(method.clone(), &address(path, &run, &batch)).json(&json!({ "no_such_field": 1 })),
        )
        .await;
        assert_eq!(refused.brief(), "422 invalid_field", "{method} {path}");
        let errors = refused.body["errors"].as_array().expect("fields are named");
        let unknown = errors.iter().find(|error| error["pointer"] == "/no_such_field").expect("it is named");
        let fields: BTreeSet<_> = schema["properties"]
            .as_object()
            .unwrap_or_else(|| panic!("{method} {path}: a body has fields: {schema:#}"))
            .keys()
            .cloned()
            .collect();
        let detail = unknown["detail"].as_str().expect("a sentence");
        assert_eq!(words(detail, "this request; it has "), fields, "{method} {path}");
        let missing = errors.iter().filter(|error| error["detail"] == "is missing");
        let missing: BTreeSet<_> =
            missing.filter_map(|error| Some(error["pointer"].as_str()?.trim_start_matches('/').to_owned())).collect();
        let required = names(schema["required"].as_array().into_iter().flatten());
        assert_eq!(missing, required, "{method} {path}");
        seen += 1;
    }
    assert!(seen > 3, "the document has bodies");
    house.finish().await;
}

/// What is not named is refused, and the document says so; names, texts and secrets have the bounds that are checked.
#[tokio::test]
async fn bodies_are_closed_and_bounded() {
    let document = parsed();
    let of = |schema: &Value| match schema["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).expect("references lead somewhere").clone(),
        None => schema.clone(),
    };
    for (method, path, _) in operations() {
        let operation = &document["paths"][path][method.as_str().to_lowercase()];
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else {
            continue;
        };
        assert_eq!(of(schema)["additionalProperties"], json!(false), "{method} {path}");
    }
    let start = &document["components"]["schemas"]["StartRun"]["properties"];
    assert_eq!(start["workflow"]["pattern"], "^[A-Za-z0-9_.-]+$", "{start:#}");
    assert_eq!(start["queue"]["pattern"], "^[A-Za-z0-9_-]+$", "{start:#}");
    let secret = &document["components"]["schemas"]["CreateWebhook"]["properties"]["secret"];
    let bounds = WEBHOOK_SECRET_BYTES;
    assert_eq!((&secret["minLength"], &secret["maxLength"]), (&json!(bounds.start()), &json!(bounds.end())));
    let house = House::new("contract_secret").await;
    for (bytes, status) in
        [(bounds.start() - 1, 422), (*bounds.start(), 201), (*bounds.end(), 201), (bounds.end() + 1, 422)]
    {
        let hook = json!({ "name": format!("h{bytes}"), "provider": "github", "secret": "s".repeat(bytes) });
        let made = house.door.post("/v1/webhooks", &hook).await;
        assert_eq!(made.status, status, "{bytes} bytes: {:#}", made.body);
    }
    house.finish().await;
}

/// The object behind a reference.
fn resolved(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(to) => DOCUMENT.pointer(to.trim_start_matches('#')).expect("references lead somewhere"),
        None => schema,
    }
}

#[tokio::test]
async fn every_route_is_there_bounded_and_tells_who_has_no_room() {
    let times = Times { requests: Some(0), ..Times::default() };
    let house = House::within("contract_room", times).await;
    let pages = ["/", "/errors", "/errors/internal", "/reference", "/reference/"];
    let pages = pages.into_iter().map(|page| (Method::GET, page.to_owned()));
    let routes = operations().map(|(method, path, _)| (method, address(path, "x", "x"))).chain(pages);
    for (method, path) in routes {
        let refused = answer(house.door.request(method.clone(), &path)).await;
        assert_eq!(refused.brief(), "503 overloaded", "{method} {path}");
        assert!(refused.headers.contains_key("retry-after"), "{method} {path}");
    }
    house.finish().await;
}

#[tokio::test]
async fn every_route_but_those_that_say_otherwise_wants_a_key() {
    let house = House::with("contract_keys", Access::Keys).await;
    for (method, path, operation) in operations() {
        let told = answer(house.door.request(method.clone(), &address(path, "x", "x"))).await;
        let keyless = operation["security"] == json!([{}]);
        assert_eq!(told.brief() != "401 unauthorized", keyless, "{method} {path}: {:#}", told.body);
    }
    house.finish().await;
}

/// Each route is open to a key with its scope and to administrators, and to nobody else.
#[tokio::test]
async fn every_route_says_its_scope_and_holds_to_it() {
    let house = House::with("contract_scopes", Access::Keys).await;
    let mut keys = Vec::new();
    for scope in Scope::ALL {
        keys.push((scope, house.key(&ORG, [scope].into_iter().collect()).await));
    }
    let mut seen = BTreeSet::new();
    for (method, path, operation) in operations().filter(|(_, _, it)| it["security"] != json!([{}])) {
        let scopes = operation["security"][0]["api_key"].as_array().expect("a way in");
        let [needed] = scopes.as_slice() else { panic!("{method} {path} needs one scope: {scopes:?}") };
        seen.insert(needed.as_str().expect("a word"));
        for (scope, key) in &keys {
            let request = house.door.request(method.clone(), &address(path, "x", "x")).header("authorization", key);
            let told = answer(request).await;
            let open = needed == scope.as_str() || *scope == Scope::Admin;
            assert_eq!(told.brief() != "403 insufficient_scope", open, "{method} {path} with {scope}: {:#}", told.body);
            assert!(open || told.body["scope"] == *needed, "{method} {path}: {:#}", told.body);
        }
    }
    assert_eq!(seen.len(), Scope::ALL.len(), "every scope is needed by some route");
    house.finish().await;
}

#[tokio::test]
async fn operations_have_names_and_words() {
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let what = format!("{method} {path}");
        let id = operation["operationId"].as_str().expect(&what);
        assert!(ids.insert(id.to_owned()), "{what}: two operations are called {id}");
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{what}: {id}");
        for member in ["summary", "description"] {
            assert!(operation[member].as_str().is_some_and(|text| !text.is_empty()), "{what} has no {member}");
        }
        let tag = &operation["tags"][0];
        let known = DOCUMENT["tags"].as_array().expect("there are tags").iter().any(|it| &it["name"] == tag);
        assert!(known, "{what}: {tag} is no tag of the document");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{what}: {parameter}");
        }
    }
}

#[tokio::test]
async fn the_document_is_read_without_a_key_and_only_when_it_is_another() {
    let house = House::with("contract_document", Access::Keys).await;
    let path = "/v1/openapi.json";
    let read = house.door.get(path).await;
    assert_eq!((read.status, read.body.to_string()), (200, parsed().to_string()));
    let tag = read.headers["etag"].clone();
    let again: Answer = answer(house.door.request(Method::GET, path).header(header::IF_NONE_MATCH, tag)).await;
    assert_eq!((again.status, again.body), (304, json!("")));
    house.finish().await;
}

fn parsed() -> Value {
    serde_json::from_str(&piton_scheduler::api::openapi()).expect("the document is JSON")
}
