use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{DeepStack, on_deep_stack};

fn with_room<R: Send>(work: impl FnOnce(&DeepStack) -> R + Send) -> R {
    on_deep_stack(work).expect("a thread starts")
}

fn event() -> Value {
    json!({
        "id": "e1",
        "name": "order.paid",
        "source": "published",
        "origin": "published",
        "time": "2026-11-26T15:00:00.000000Z",
        "data": {
            "amount": 1200, "rate": 1.5, "currency": "eur", "vip": true, "note": null, "large": u64::MAX,
            "items": [{"sku": "a", "count": 2}, {"sku": "b", "count": 5}],
            "customer": {"email": "ann@example.com", "tags": ["new", "eu"]},
        },
    })
}

fn made(source: &str) -> String {
    match with_room(|room| Expression::compile(source).expect(source).input(&EventScope::new(room, &event()))) {
        Ok(value) => format!("{source} = {value}"),
        Err(error) => format!("{source}: {error}"),
    }
}

#[test]
fn expressions_over_an_event() {
    let all = [
        "event.data.amount + 1",
        "event.data.amount > 1000 && event.data.currency == 'eur'",
        "event.data.rate * 2.0",
        "event.data.amount * 1.5",
        "double(event.data.amount) * 1.5",
        "event.data.large",
        "event.data.amount / 0",
        "event.data.amount + 9223372036854775807",
        "event.data.missing == 1",
        "has(event.data.missing) && event.data.missing == 1",
        "event.data.note.x",
        "event.data.items[0].sku",
        "event.data.items[9].sku",
        "event.data.items.exists(i, i.count > 4)",
        "event.data.items.all(i, i.count > 4)",
        "event.data.items.filter(i, i.count > 4).map(i, i.sku)",
        "event.data.items.map(i, event.data.items.map(j, i.count * j.count))",
        "size(event.data.items)",
        "event.data.customer.email.endsWith('@example.com')",
        "event.data.customer.email.matches('^[a-z]+@')",
        "'eu' in event.data.customer.tags",
        "'email' in event.data.customer",
        "event.name.startsWith('order.')",
        "event['data']['amount']",
        "{'order': event.id, 'total': event.data.amount, 'skus': event.data.items.map(i, i.sku)}",
        "{1: 2}",
        "[event.data.vip ? 'gold' : 'plain', null]",
        "timestamp(event.time).getHours()",
        "timestamp(event.time)",
        "duration('90s')",
        "b'abc'",
        "type(event.data.amount) == int",
        "type(event.data.amount)",
        "0.0 / 0.0",
        "event.data.currency > 3",
    ];
    insta::assert_snapshot!(all.map(made).join("\n"));
}

#[test]
fn a_filter_comes_to_true_or_false() {
    let holds = |source: &str| {
        with_room(|room| Expression::compile(source).expect(source).holds(&EventScope::new(room, &event())))
    };
    assert_eq!(holds("event.data.vip"), Ok(true));
    assert_eq!(holds("event.data.amount < 10"), Ok(false));
    assert_eq!(holds("event.data.amount"), Err(EvaluationError::NotATruth("an int")));
    assert_eq!(holds("event.data.nothing"), Err(EvaluationError::Missing("`nothing`".into())));
    // Whichever side decides does so, whatever is missing on the other.
    assert_eq!(holds("event.data.nothing || true"), Ok(true));
}

#[test]
fn what_grows_without_end_is_refused_before_it_begins() {
    let large = json!({"data": {"list": vec![1; 2000], "text": "x".repeat(100_000)}});
    let input = |source: &str| {
        with_room(|room| Expression::compile(source).expect(source).input(&EventScope::new(room, &large)))
    };
    let doubling = format!("[event.data.text]{}", ".map(x, x + x)".repeat(20));
    assert_eq!(input(&doubling), Err(EvaluationError::TooMuch));
    let lists = format!("event.data.list{}", ".map(x, [x, x, x])".repeat(20));
    assert_eq!(input(&lists), Err(EvaluationError::TooMuch));
    let nested = "event.data.list.map(a, event.data.list.map(b, event.data.list.map(c, 1)))";
    assert_eq!(input(nested), Err(EvaluationError::TooMuch));
    let shared = format!("[{}]", vec!["event.data.text"; 60].join(", "));
    assert_eq!(input(&shared), Err(EvaluationError::TooLarge), "shared in memory, not as JSON");
    // What goes over a large list once is no work to speak of.
    assert_eq!(input("event.data.list.exists(x, x == 2)"), Ok(json!(false)));
    assert_eq!(input("size(event.data.list.filter(x, x == 1))"), Ok(json!(2000)));
}

fn sources() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "event",
        "event.data",
        "event.data.amount",
        "event.data.items",
        "event.data.missing",
        "1",
        "-9223372036854775808",
        "0",
        "2u",
        "1.5",
        "'a'",
        "''",
        "null",
        "true",
        "[]",
        "{}",
        "x",
        "timestamp('2026-01-01T00:00:00Z')",
        "duration('1h')",
        "b'a'",
        "int",
        "event.data.large",
        "timestamp('9999-12-31T23:59:59Z')",
        "9223372036854775807",
        "'\\u00e4'",
    ]);
    leaf.prop_map(ToOwned::to_owned).prop_recursive(5, 40, 3, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "<", ">=", "&&", "||", "in"]);
        let function = prop::sample::select(vec![
            "size",
            "string",
            "int",
            "uint",
            "double",
            "bytes",
            "type",
            "timestamp",
            "duration",
        ]);
        let method = prop::sample::select(vec!["contains", "startsWith", "endsWith", "matches"]);
        let part = prop::sample::select(vec!["getFullYear", "getMonth", "getHours", "getMilliseconds", "getDayOfYear"]);
        let macros = prop::sample::select(vec!["map", "filter", "all", "exists", "exists_one"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (function, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            (inner.clone(), method, inner.clone()).prop_map(|(a, m, b)| format!("({a}).{m}({b})")),
            (inner.clone(), part).prop_map(|(a, m)| format!("({a}).{m}()")),
            (inner.clone(), macros, inner.clone()).prop_map(|(a, m, b)| format!("({a}).{m}(x, {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{'k': {a}, {b}: 1}}")),
            inner.clone().prop_map(|a| format!("!{a}")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.prop_map(|a| format!("has(({a}).b)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_written_nothing_breaks(source in sources()) {
        if let Ok(expression) = Expression::compile(&source) {
            let made = with_room(|room| {
                let scope = EventScope::new(room, &event());
                drop(expression.holds(&scope));
                expression.input(&scope)
            });
            prop_assert_ne!(made, Err(EvaluationError::Failed("the interpreter gave up".into())));
        }
    }

    #[test]
    fn whatever_is_typed_nothing_breaks(source in "[a-z0-9 .()\\[\\]{}'\"!+*/<>=&|?:,%\\\\-]{0,60}") {
        drop(Expression::compile(&source));
    }

    #[test]
    fn any_text_is_read_or_refused(source in ".{0,60}") {
        drop(Expression::compile(&source));
    }
}
