//! `GET /v1/definitions`.

use piton_shared::message::define::DefinitionKind;
use serde_json::json;

use super::{bus, charge, definition, integer, live, on, page, present};
use crate::api::{House, assert_shape};

#[tokio::test]
async fn definitions_are_listed_by_their_newest_builds_and_shown_with_all() {
    let house = House::new("listed").await;
    let bus = bus(&house).await;
    let mut newest = charge();
    newest.description = "Charges.".into();
    newest.triggers = vec![on("order.paid")];
    let function = definition(DefinitionKind::Function, "send", &[("to", json!({"type": "string"}))]);
    present(&bus, &page(1, Some("v1"), vec![definition(DefinitionKind::Workflow, "charge", &[]), function])).await;
    present(&bus, &page(2, Some("v2"), vec![newest])).await;
    live(&house.database.store, Some("v1")).await;
    live(&house.database.store, Some("v1")).await;
    assert_shape!(house.door.get("/v1/definitions").await.body);
    assert_shape!(house.door.get("/v1/definitions/workflow/charge").await.body);
    let functions = house.door.get("/v1/definitions?kind=function").await;
    assert_eq!(functions.body["definitions"][0]["name"], "send");
    assert_eq!(house.door.get("/v1/definitions/function/charge").await.brief(), "404 unknown_definition");
    assert_eq!(house.door.get("/v1/definitions/verb/charge").await.brief(), "404 unknown_definition");
    assert_eq!(house.door.get("/v1/definitions?kind=verb").await.brief(), "400 invalid_parameter");
    house.finish().await;
}

#[tokio::test]
async fn pages_have_each_definition_once() {
    let house = House::new("listed_pages").await;
    let bus = bus(&house).await;
    for kind in DefinitionKind::ALL {
        for tens in 0..2 {
            let names =
                (0..7).map(|n| definition(kind, &format!("d.{}", tens * 10 + n), &[("a", integer())])).collect();
            present(&bus, &page(1, None, names)).await;
        }
    }
    let mut names = Vec::new();
    let mut path = "/v1/definitions?limit=3".to_owned();
    loop {
        let page = house.door.get(&path).await;
        let definitions = page.body["definitions"].as_array().expect("a list").clone();
        names.extend(definitions.iter().map(|it| format!("{} {}", it["kind"], it["name"])));
        match page.body["next"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break,
        }
    }
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((names.len(), sorted.len()), (28, 28), "{names:#?}");
    house.finish().await;
}
