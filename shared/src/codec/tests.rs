use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::{
    failure::Failure,
    ids::uuid_v7,
    journal::{Entry, Kind, Place, StepKey},
    time::Timestamp,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    U,
    New(i64),
    Tuple(u8, String),
    Fields { width: f64, tag: Option<char> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Tagged {
    Small { size: u64 },
    Empty,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    id: uuid::Uuid,
    shapes: Vec<Shape>,
    tagged: Vec<Tagged>,
    by_name: BTreeMap<String, u64>,
    nothing: (),
    maybe: Option<Box<Everything>>,
    #[serde(flatten)]
    more: BTreeMap<String, i32>,
    #[serde(with = "bytes")]
    raw: Vec<u8>,
    floats: (f32, f64),
    numbers: [i64; 6],
}

fn everything() -> Everything {
    Everything {
        id: uuid_v7(7, [3; 10]),
        shapes: vec![
            Shape::Unit,
            Shape::U,
            Shape::New(-5),
            Shape::Tuple(200, "ü".into()),
            Shape::Fields { width: 1.5, tag: Some('x') },
        ],
        tagged: vec![Tagged::Small { size: u64::MAX }, Tagged::Empty],
        by_name: [("a".repeat(40), 1), ("b".repeat(300), 70_000)].into(),
        nothing: (),
        maybe: None,
        more: [("extra".to_owned(), -70_000)].into(),
        raw: vec![0, 255, 7],
        floats: (0.1, 0.1),
        numbers: [i64::MIN, -33, -1, 0, 128, i64::MAX],
    }
}

#[test]
fn values_come_back() {
    let value = Everything { maybe: Some(Box::new(everything())), ..everything() };
    let payload = encode(&value).expect("it is plain data");
    assert_eq!(decode::<Everything>(&payload), Ok(value.clone()));
    let json = to_json(&payload).expect("it is a payload");
    assert_eq!(json["id"], value.id.to_string());
    assert_eq!(json["shapes"][2], json!({"New": -5}));
    assert_eq!(json["extra"], -70_000);
    assert_eq!(decode::<Everything>(&from_json(&json).expect("it is JSON")), Ok(value.clone()));
    assert_eq!(canonical_as::<Everything>(&payload), canonical(&payload));
    let message = wire::encode(&value).expect("it is plain data");
    assert!(message.len() < payload.len());
    assert_eq!(wire::decode::<Everything>(&message), Ok(value));
}

#[test]
fn a_sequence_of_unknown_length_gets_its_head() {
    struct Lazy(u64);
    impl Serialize for Lazy {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..self.0).filter(|n| n % 2 == 0))
        }
    }
    for length in [0, 5, 40, 200_000] {
        let payload = encode(&Lazy(length)).expect("it is plain data");
        assert_eq!(decode::<Vec<u64>>(&payload), Ok((0..length).step_by(2).collect()));
    }
}

#[derive(Serialize)]
struct Order<T> {
    items: Vec<Item<T>>,
}

#[derive(Serialize)]
struct Item<T> {
    price: T,
}

fn order<T>(price: T) -> HashMap<&'static str, Order<Option<T>>> {
    [("order", Order { items: vec![Item { price: None }, Item { price: Some(price) }] })].into()
}

#[test]
fn what_json_has_not_is_refused_by_field() {
    let keys: BTreeMap<u8, u8> = [(1, 2)].into();
    let cases = [
        (encode(&order(1u128)), "128-bit"),
        (encode(&order(-1i128)), "128-bit"),
        (encode(&order(f64::NAN)), "NaN"),
        (encode(&order(f32::INFINITY)), "inf"),
        (encode(&order(keys)), "key must be a string"),
        (encode(&order("x".repeat(limits::PAYLOAD_BYTES))), "larger than"),
    ];
    for (result, part) in cases {
        let error = result.expect_err(part);
        assert_eq!(error.path(), "order.items[1].price", "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Nested {
    End,
    In(Box<Nested>),
    List(Vec<Nested>),
}

#[test]
fn depth_is_bounded_both_ways() {
    fn nested(levels: usize) -> Nested {
        (0..levels).fold(Nested::End, |inner, _| Nested::In(Box::new(inner)))
    }
    let deepest = nested(limits::PAYLOAD_DEPTH);
    let payload = encode(&deepest).expect("it is within the bound");
    assert_eq!(decode(&payload), Ok(deepest));
    let error = encode(&nested(limits::PAYLOAD_DEPTH + 1)).expect_err("it is deeper");
    assert_eq!(error.fault(), &Fault::TooDeep);
    for hostile in [vec![0x91; 300_000], [0x81, 0xa2, b'I', b'n'].repeat(100_000)] {
        assert_eq!(decode::<Nested>(&hostile), Err(DecodeError::TooDeep));
        assert_eq!(decode::<Value>(&hostile), Err(DecodeError::TooDeep));
        assert_eq!(to_json(&hostile), Err(DecodeError::TooDeep));
        assert_eq!(canonical(&hostile), Err(DecodeError::TooDeep));
        assert_eq!(wire::decode::<Nested>(&hostile), Err(DecodeError::TooDeep));
    }
}

#[test]
fn bytes_that_are_no_payload_are_refused() {
    let cases: [(&[u8], DecodeError); 10] = [
        (&[], DecodeError::Truncated),
        (&[0xdd, 0xff, 0xff, 0xff, 0xff], DecodeError::Truncated),
        (&[0xdb, 0xff, 0xff, 0xff, 0xff, b'x'], DecodeError::Truncated),
        (&[0xc0, 0xc0], DecodeError::Trailing { bytes: 1 }),
        (&[0xc1], DecodeError::Marker { marker: 0xc1 }),
        (&[0xd4, 1, 2], DecodeError::Marker { marker: 0xd4 }),
        (&[0xa1, 0xff], DecodeError::Utf8),
        (&[0x81, 0x01, 0x01], DecodeError::Key),
        (&[0xca, 0x7f, 0xc0, 0, 0], DecodeError::NotFinite),
        (&[0x82, 0xa1, b'a', 0x01, 0x90, 0x01], DecodeError::Key),
    ];
    for (hostile, error) in cases {
        assert_eq!(decode::<Value>(hostile), Err(error.clone()), "{hostile:?}");
        assert_eq!(to_json(hostile), Err(error.clone()));
        assert_eq!(canonical(hostile), Err(error));
    }
    let large = vec![0xc0; limits::PAYLOAD_BYTES + 1];
    assert!(matches!(decode::<Value>(&large), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn equal_values_have_one_canonical_form() {
    let one = json!({"b": 1, "a": [{"y": 1.5, "x": null}]});
    let mut other = vec![0x82, 0xa1, b'a', 0x91, 0x82, 0xa1, b'x', 0xc0, 0xa1, b'y', 0xcb];
    other.extend(1.5f64.to_be_bytes());
    other.extend([0xd9, 1, b'b', 0xcf, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(canonical(&from_json(&one).expect("it is JSON")), canonical(&other));
    assert_eq!(to_json(&canonical(&other).expect("it is a payload")), Ok(one));
}

#[test]
fn a_new_field_with_a_default_is_no_difference() {
    #[derive(Serialize, Deserialize)]
    struct Today {
        name: String,
        #[serde(default)]
        copies: u8,
    }
    let recorded = from_json(&json!({"name": "a"})).expect("it is JSON");
    let asked = encode(&Today { name: "a".into(), copies: 0 }).expect("it is plain data");
    assert_ne!(recorded, asked);
    assert_eq!(canonical_as::<Today>(&recorded), canonical_as::<Today>(&asked));
}

#[test]
fn an_entry_travels() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Reply {
        entry: Entry,
        #[serde(with = "optional_bytes", default)]
        input: Option<Vec<u8>>,
        #[serde(with = "optional_bytes", default)]
        none: Option<Vec<u8>>,
    }
    for outcome in [Ok(vec![1, 2, 3]), Err(Failure::permanent("no"))] {
        let reply = Reply {
            entry: Entry {
                key: StepKey::new("a#1"),
                kind: Kind::Step,
                name: "a".into(),
                input: vec![9; 300],
                outcome,
                place: Place::Own { number: 1, after: 0 },
                started_at: Timestamp::EPOCH,
                finished_at: Timestamp::from_micros(5),
                worker: None,
                try_number: 1,
            },
            input: Some(vec![0xc0]),
            none: None,
        };
        let message = wire::encode(&reply).expect("it is plain data");
        assert_eq!(wire::decode::<Reply>(&message).as_ref(), Ok(&reply));
        let json = serde_json::to_string(&reply).expect("it is plain data");
        assert_eq!(serde_json::from_str::<Reply>(&json).expect("it was just written"), reply);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no other", |value| value.is_finite()).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..20).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn json_comes_back(value in json_value()) {
        let payload = from_json(&value).expect("it is JSON");
        prop_assert_eq!(to_json(&payload), Ok(value.clone()));
        prop_assert_eq!(decode::<Value>(&payload), Ok(value.clone()));
        let canonical = canonical(&payload).expect("it is a payload");
        prop_assert_eq!(to_json(&canonical), Ok(value));
        prop_assert_eq!(super::canonical(&canonical), Ok(canonical));
    }

    #[test]
    fn random_bytes_never_panic(hostile in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Value>(&hostile);
        let _ = decode::<Everything>(&hostile);
        let _ = decode::<Nested>(&hostile);
        let _ = decode::<Vec<String>>(&hostile);
        let _ = wire::decode::<Entry>(&hostile);
        if let Ok(json) = to_json(&hostile) {
            prop_assert!(canonical(&hostile).is_ok());
            prop_assert!(from_json(&json).is_ok());
        }
    }

    #[test]
    fn damaged_payloads_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut payload = encode(&everything()).expect("it is plain data");
        let place = at.index(payload.len());
        payload[place] = byte;
        let _ = decode::<Everything>(&payload);
        payload.truncate(cut.index(payload.len() + 1));
        let _ = decode::<Everything>(&payload);
        let _ = wire::decode::<Everything>(&payload);
    }
}

#[test]
fn a_versioned_value_reads_as_a_map() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Versioned {
        value: Option<Vec<u32>>,
        version: i64,
    }
    let value = encode(&[1, 2]).expect("numbers encode");
    let read = |payload: &[u8]| decode::<Versioned>(payload).expect("it is a payload");
    assert_eq!(read(&versioned(Some(&value), 3)), Versioned { value: Some(vec![1, 2]), version: 3 });
    assert_eq!(read(&versioned(None, 0)), Versioned { value: None, version: 0 });
}
