//! The input of a run that an event starts, by the names of its workflow's parameters.

use serde_json::{Map, Value};

use super::{Provider, schema::takes_an_object};
use crate::message::define::{Parameter, Presence};

/// Parameters for which the event has nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event's data has no {}", listed(.missing))]
pub struct Unbound {
    /// Their names, in the order of the workflow's.
    pub missing: Vec<String>,
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", no ")
}

/// The input as it is on the wire.
///
/// - No parameter: null.
/// - One: the member of its name. If there is none and it takes an object, or the data is no object: the data as a whole.
/// - Several: an object with the member of each. Optional ones may be missing.
///
/// Members are looked for in what the provider's event is about first (`data.object` of Stripe), then in the data itself.
///
/// # Errors
/// Names what has to be there and is not.
pub fn bind(parameters: &[Parameter], provider: Option<Provider>, data: &Value) -> Result<Value, Unbound> {
    let member = |name: &str| {
        let places = [provider.and_then(|provider| subject(provider, data)), Some(data)];
        places.into_iter().flatten().find_map(|place| place.get(name))
    };
    match parameters {
        [] => Ok(Value::Null),
        [one] => match member(&one.name) {
            Some(found) => Ok(found.clone()),
            None if !data.is_object() || takes_an_object(&one.schema) => Ok(data.clone()),
            None => match one.presence {
                Presence::Optional => Ok(Value::Null),
                Presence::Required => Err(Unbound { missing: vec![one.name.clone()] }),
            },
        },
        several => {
            let mut input = Map::new();
            let mut missing = Vec::new();
            for Parameter { name, presence, .. } in several {
                match (member(name), presence) {
                    (Some(found), _) => drop(input.insert(name.clone(), found.clone())),
                    (None, Presence::Optional) => {}
                    (None, Presence::Required) => missing.push(name.clone()),
                }
            }
            if missing.is_empty() { Ok(Value::Object(input)) } else { Err(Unbound { missing }) }
        }
    }
}

/// What an event of a provider is about, within its data.
fn subject(provider: Provider, data: &Value) -> Option<&Value> {
    match provider {
        Provider::Stripe => data.get("data")?.get("object"),
        Provider::Slack => data.get("event"),
        Provider::Standard => data.get("data"),
        Provider::Github | Provider::Hmac => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parameters(of: &[(&str, &str)]) -> Vec<Parameter> {
        let parameter = |(name, kind): &(&str, &str)| {
            let (kind, presence) = match kind.strip_suffix('?') {
                Some(kind) => (kind, Presence::Optional),
                None => (*kind, Presence::Required),
            };
            let schema = if kind == "any" { "true".to_owned() } else { json!({ "type": kind }).to_string() };
            Parameter { name: (*name).to_owned(), presence, schema }
        };
        of.iter().map(parameter).collect()
    }

    type Case = (&'static [(&'static str, &'static str)], Value, Result<Value, &'static str>);

    #[test]
    fn inputs_are_found_by_name() {
        let user = json!({"id": "u1", "email": "a@b.c"});
        let table: &[Case] = &[
            (&[], user.clone(), Ok(Value::Null)),
            (&[("user", "object")], user.clone(), Ok(user.clone())),
            (&[("user", "any")], user.clone(), Ok(user.clone())),
            (&[("user", "object")], json!({"user": user, "at": 3}), Ok(user.clone())),
            (&[("email", "any")], user.clone(), Ok(json!("a@b.c"))),
            (&[("email", "string")], user.clone(), Ok(json!("a@b.c"))),
            (&[("name", "string")], user.clone(), Err("the event's data has no `name`")),
            (&[("name", "string?")], user.clone(), Ok(Value::Null)),
            (&[("count", "integer")], json!(3), Ok(json!(3))),
            (&[("words", "any")], json!(["a"]), Ok(json!(["a"]))),
            (&[("id", "string"), ("email", "string")], user.clone(), Ok(user.clone())),
            (&[("id", "string"), ("age", "integer?")], user.clone(), Ok(json!({"id": "u1"}))),
            (
                &[("age", "integer"), ("id", "any"), ("town", "any")],
                user,
                Err("the event's data has no `age`, no `town`"),
            ),
            (&[("a", "any"), ("b", "any?")], json!("text"), Err("the event's data has no `a`")),
            (&[("a", "any"), ("b", "any")], json!({"a": null, "b": 1}), Ok(json!({"a": null, "b": 1}))),
        ];
        for (of, data, expected) in table {
            let bound = bind(&parameters(of), None, data).map_err(|unbound| unbound.to_string());
            assert_eq!(bound, expected.clone().map_err(ToOwned::to_owned), "{of:?} of {data}");
        }
    }

    #[test]
    fn what_a_providers_event_is_about_comes_first() {
        let pay = parameters(&[("amount", "integer"), ("currency", "string")]);
        let stripe = json!({
            "id": "evt_1", "amount": "not this",
            "data": {"object": {"amount": 1000, "currency": "usd"}},
        });
        assert_eq!(bind(&pay, Some(Provider::Stripe), &stripe), Ok(json!({"amount": 1000, "currency": "usd"})));
        assert!(bind(&pay, None, &stripe).is_err());

        let id = parameters(&[("id", "string")]);
        assert_eq!(bind(&id, Some(Provider::Stripe), &stripe), Ok(json!("evt_1")), "then the data itself");
        let slack = json!({"event": {"text": "hi"}});
        assert_eq!(bind(&parameters(&[("text", "string")]), Some(Provider::Slack), &slack), Ok(json!("hi")));
        let standard = json!({"type": "t", "data": {"n": 1}});
        assert_eq!(bind(&parameters(&[("n", "integer")]), Some(Provider::Standard), &standard), Ok(json!(1)));
    }

    proptest! {
        #[test]
        fn nothing_is_made_up(names in prop::collection::btree_set("[a-c]", 2..4), data in prop::collection::btree_map("[a-c]", 0..9, 0..4)) {
            let parameters: Vec<_> = names.iter().map(|name| (name.as_str(), "any")).collect();
            match bind(&super::tests::parameters(&parameters), None, &json!(data)) {
                Ok(Value::Object(bound)) => for name in &names {
                    prop_assert_eq!(bound.get(name).cloned(), data.get(name).map(|n| json!(n)));
                },
                Ok(other) => prop_assert!(false, "{other}"),
                Err(unbound) => for name in &names {
                    prop_assert_eq!(unbound.missing.contains(name), !data.contains_key(name));
                },
            }
        }
    }
}
