//! Runs that events start, and what they do not start.

use serde_json::{Value, json};

use crate::stack::{Event, Heard, Stack};

async fn heard(stack: &dyn Stack, name: &'static str, data: Value) -> Heard {
    stack.publish(Event { name, id: None, data }).await
}

pub(crate) async fn an_event_starts_each_workflow_once(stack: &dyn Stack) {
    let sold = heard(stack, "shop.sold", json!({"number": 7, "kind": "large"})).await;
    assert_eq!(sold.started(), ["hears", "hears_all", "hears_either"]);
    assert_eq!(sold.run("hears").result::<u64>(), 14);
    assert_eq!(sold.run("hears_either").result::<u64>(), 140, "the first of its triggers makes the input");
    assert_eq!(sold.run("hears").keys, ["double#1"]);

    let returned = heard(stack, "shop.returned", json!({"number": 5, "more": 1})).await;
    assert_eq!(returned.started(), ["hears"], "what a filter is not true of starts nothing");
    assert_eq!(returned.run("hears").result::<u64>(), 11);
    assert!(heard(stack, "shop", json!({"number": 7})).await.started().is_empty());
}

pub(crate) async fn an_event_is_known_by_its_id(stack: &dyn Stack) {
    let event = Event { name: "shop.sold", id: Some("s-1"), data: json!({"number": 2}) };
    let (first, again) = (stack.publish(event.clone()).await, stack.publish(event).await);
    assert!(first.is_new && !again.is_new);
    assert_eq!(first.run("hears_all").run, again.run("hears_all").run);
    let told = first.run("hears_all").result::<Value>();
    assert_eq!(told, json!(["s-1", "shop.sold", {"number": 2}, "published", "published"]));
}

pub(crate) async fn an_event_that_does_not_fit_says_why(stack: &dyn Stack) {
    let odd = heard(stack, "shop.sold", json!({"number": "many", "kind": "large"})).await;
    assert_eq!(odd.started(), ["hears_all"]);
    let unfit = |function: &str, types: &str| {
        let cure = "convert by `int()`, `double()` or `string()`";
        format!("the expression cannot be computed: `{function}` does not take {types}; {cure}")
    };
    let expected = [
        ("hears".to_owned(), unfit(">", "string and int")),
        ("hears_either".to_owned(), unfit("*", "a text and an int")),
    ];
    assert_eq!(odd.refused, expected);

    let broken = heard(stack, "shop.moved", json!({"number": 5.5})).await;
    let said: Vec<_> = broken.refused.iter().map(|(workflow, _)| workflow.as_str()).collect();
    assert_eq!(said, ["hears", "hears_either"], "{broken:?}");
    assert!(broken.refused.iter().all(|(_, why)| why.starts_with("the workflow does not take this input: ")));
}
