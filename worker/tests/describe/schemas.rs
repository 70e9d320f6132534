//! A schema never refuses what its type reads.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Debug,
    net::IpAddr,
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use piton::{JsonSchema, Uuid, prelude::*};
use piton_shared::{codec, message::define::DefinitionKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
struct Address {
    street: String,
    #[serde(default)]
    floor: i16,
    #[serde(rename = "postCode")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Box<Address>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
#[serde(rename_all = "snake_case")]
enum Way {
    Cash,
    Card(String),
    Transfer { iban: String, bic: Option<String> },
    Split(u8, u8),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    One(u64),
    Two { a: bool },
    Three,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
#[serde(untagged)]
enum Loose {
    Number(i64),
    Text(String),
    Both { number: i64, text: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
#[serde(transparent)]
struct Cents(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
struct Flat {
    id: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
#[serde(deny_unknown_fields)]
struct Strict {
    id: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "piton::schemars")]
struct Unit;

/// Whether the type reads it where a run begins, and its schema lets it pass.
fn read_and_let_pass<T: piton::Journaled + JsonSchema>(value: &Value) -> (bool, bool) {
    let schema = piton::schemars::generate::SchemaSettings::draft2020_12().for_deserialize();
    let schema = schema.into_generator().into_root_schema_for::<T>();
    let payload = codec::from_json(value).expect("the tests' values are payloads");
    let validator = jsonschema::validator_for(schema.as_value()).expect("it is a schema");
    (T::decode(&payload).is_ok(), validator.is_valid(value))
}

/// All of these are read, and let pass.
fn takes<T: piton::Journaled + JsonSchema + Debug>(values: impl IntoIterator<Item = Value>) {
    for value in values {
        let taken = read_and_let_pass::<T>(&value);
        assert_eq!(taken, (true, true), "{value} as {}: read, let pass", std::any::type_name::<T>());
    }
}

#[test]
fn what_types_read_their_schemas_let_pass() {
    takes::<bool>([json!(true)]);
    takes::<i64>([json!(0), json!(i64::MIN), json!(i64::MAX)]);
    takes::<u64>([json!(0), json!(u64::MAX)]);
    takes::<i8>([json!(-128), json!(127)]);
    takes::<u128>([json!(u64::MAX)]);
    takes::<NonZeroU32>([json!(1)]);
    takes::<f64>([json!(1.5), json!(3), json!(-7), json!(1e300), json!(u64::MAX)]);
    takes::<f32>([json!(0.5), json!(3)]);
    takes::<char>([json!("ü")]);
    takes::<String>([json!(""), json!("\u{0}")]);
    takes::<()>([json!(null)]);
    takes::<Unit>([json!(null)]);
    takes::<Option<i64>>([json!(null), json!(3)]);
    takes::<Option<Option<String>>>([json!(null), json!("x")]);
    takes::<Vec<u8>>([json!([]), json!([1, 255])]);
    takes::<(String, i64, Option<bool>)>([json!(["a", 1, true]), json!(["a", 1, null])]);
    takes::<[i64; 2]>([json!([1, 2])]);
    takes::<HashMap<String, i64>>([json!({}), json!({"a": 1, "b/c": 2})]);
    takes::<BTreeMap<char, u8>>([json!({}), json!({"a": 1})]);
    takes::<HashSet<String>>([json!(["a", "b"])]);
    takes::<Value>([json!(null), json!([{"a": 1}])]);
    takes::<serde_json::Map<String, Value>>([json!({"a": [1]})]);
    takes::<Duration>([json!({"secs": 3, "nanos": 0})]);
    takes::<Uuid>([
        json!("67e55044-10b1-426f-9247-bb680e5fe0c8"),
        json!("67E5504410B1426F9247BB680E5FE0C8"),
        json!("urn:uuid:67e55044-10b1-426f-9247-bb680e5fe0c8"),
    ]);
    takes::<PathBuf>([json!("/a/b")]);
    takes::<IpAddr>([json!("127.0.0.1"), json!("::1")]);
    takes::<std::result::Result<u8, String>>([json!({"Ok": 1}), json!({"Err": "no"})]);
    takes::<std::ops::Range<u32>>([json!({"start": 1, "end": 2})]);
}

#[test]
fn what_the_users_types_read_their_schemas_let_pass() {
    takes::<Address>([
        json!({"street": "x"}),
        json!({"street": "x", "floor": -3, "postCode": null, "more": [1]}),
        json!({"street": "x", "postCode": "1", "note": {"street": "y", "note": null}}),
    ]);
    takes::<Way>([
        json!("cash"),
        json!({"card": "4242"}),
        json!({"transfer": {"iban": "DE"}}),
        json!({"transfer": {"iban": "DE", "bic": null, "more": 1}}),
        json!({"split": [1, 2]}),
    ]);
    takes::<Shape>([
        json!({"kind": "circle", "radius": 1}),
        json!({"kind": "square", "side": 0.5, "more": true}),
        json!({"kind": "nothing"}),
    ]);
    takes::<Adjacent>([json!({"t": "One", "c": 3}), json!({"t": "Two", "c": {"a": true}}), json!({"t": "Three"})]);
    takes::<Loose>([json!(3), json!("x"), json!({"number": 1, "text": "x"})]);
    takes::<Cents>([json!(3)]);
    takes::<Flat>([json!({"id": 1}), json!({"id": 1, "a": [1], "b": null})]);
    takes::<Strict>([json!({"id": 1})]);
    takes::<Vec<Option<Address>>>([json!([null, {"street": "x"}])]);
    takes::<HashMap<String, Way>>([json!({"a": "cash"})]);
}

/// What a schema says more narrowly than serde reads. The guide names these.
#[test]
fn the_exceptions_are_known() {
    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[schemars(crate = "piton::schemars")]
    struct Renamed {
        #[serde(alias = "mail")]
        email: String,
    }
    // Another name for a field, a struct as a list of its fields, and a variant without data as an object.
    assert_eq!(read_and_let_pass::<Renamed>(&json!({"mail": "x"})), (true, false));
    assert_eq!(read_and_let_pass::<Strict>(&json!([1])), (true, false));
    assert_eq!(read_and_let_pass::<Way>(&json!({"cash": null})), (true, false));
    // Serde takes an element of a set twice, and so does the scheduler, whatever the schema says.
    assert_eq!(read_and_let_pass::<HashSet<String>>(&json!(["a", "a"])), (true, false));
    // A duration that leaves out its nanoseconds is refused by both.
    assert_eq!(read_and_let_pass::<Duration>(&json!({"secs": 3})), (false, false));
}

#[function]
async fn several(
    r#type: i64,
    note: Option<String>,
    #[serde(default)] times: u32,
    #[serde(rename = "postCode")] code: String,
    #[serde(alias = "mail")] email: String,
    #[serde(with = "piton::bytes")] picture: Vec<u8>,
    address: Address,
) -> Result<Way> {
    let _ = (r#type, note, times, code, email, picture, address);
    Ok(Way::Cash)
}

#[test]
fn several_inputs_are_let_pass_as_they_are_read() {
    let worker = Worker::builder().register(several).build().expect("it fits together");
    let function = worker.registry().function("several").expect("it is registered");
    let said = function.definition();
    assert_eq!(said.kind, DefinitionKind::Function);
    let schema: Value = serde_json::from_str(&said.input_schema).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let least = json!({
        "type": 3, "postCode": "1", "email": "e", "picture": "AAEC", "address": {"street": "x"},
    });
    let with = |name: &str, value: Value| {
        let mut input = least.clone();
        input[name] = value;
        input
    };
    let without = |name: &str| {
        let mut input = least.clone();
        input.as_object_mut().expect("it is an object").remove(name);
        input
    };
    let aliased = {
        let mut input = without("email");
        input["mail"] = json!("e");
        input
    };
    for good in [least.clone(), with("note", json!(null)), with("note", json!("n")), with("times", json!(2)), aliased] {
        assert!(validator.is_valid(&good), "{good}");
    }
    for bad in [without("type"), without("postCode"), without("picture"), with("type", json!("3"))] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
    let faults: Vec<_> = validator
        .iter_errors(&with("address", json!({"street": 3})))
        .map(|it| it.instance_path().to_string())
        .collect();
    assert_eq!(faults, ["/address/street"]);
}
