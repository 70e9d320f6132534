//! Between JSON and the values of CEL.

use std::{collections::HashMap, sync::Arc};

use cel::{
    Value as Cel,
    objects::{Key, Map},
};
use serde_json::{Map as Object, Number, Value};

use crate::cost::Size;

/// A JSON value for an expression. By hand, because a number that the library converts by itself becomes unsigned, and
/// `event.data.amount + 1` fails: integers are `int` here, unless only a `uint` holds them.
pub(crate) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(truth) => Cel::Bool(*truth),
        Value::Number(number) => number_to_cel(number),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(elements) => Cel::List(Arc::new(elements.iter().map(to_cel).collect())),
        Value::Object(members) => {
            let members: HashMap<_, _> =
                members.iter().map(|(name, value)| (Key::String(Arc::new(name.clone())), to_cel(value))).collect();
            Cel::Map(Map { map: Arc::new(members) })
        }
    }
}

fn number_to_cel(number: &Number) -> Cel {
    match (number.as_i64(), number.as_u64()) {
        (Some(int), _) => Cel::Int(int),
        (None, Some(uint)) => Cel::UInt(uint),
        (None, None) => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// How large a JSON value is for an expression.
pub(crate) fn size(value: &Value) -> Size {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Size { nodes: 1, bytes: 8 },
        Value::String(text) => Size { nodes: 1, bytes: text.len() as u64 },
        Value::Array(elements) => elements.iter().map(size).fold(Size { nodes: 1, bytes: 8 }, Size::plus),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| size(value).plus(Size { nodes: 1, bytes: name.len() as u64 }))
            .fold(Size { nodes: 1, bytes: 8 }, Size::plus),
    }
}

/// Why a result is no JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoJson {
    /// Of this kind, which JSON does not have.
    Kind(&'static str),
    /// Larger or deeper than it may be.
    TooLarge,
}

/// What an expression made, as JSON, with at most so many values in it.
pub(crate) fn to_json(value: &Cel, room: &mut u64, depth: usize) -> Result<Value, NoJson> {
    let cost = if let Cel::String(text) = value { 1 + text.len() as u64 / 8 } else { 1 };
    *room = room.checked_sub(cost).ok_or(NoJson::TooLarge)?;
    let depth = depth.checked_sub(1).ok_or(NoJson::TooLarge)?;
    match value {
        Cel::Null => Ok(Value::Null),
        Cel::Bool(truth) => Ok(Value::Bool(*truth)),
        Cel::Int(int) => Ok((*int).into()),
        Cel::UInt(uint) => Ok((*uint).into()),
        Cel::Float(float) => {
            Number::from_f64(*float).map(Value::Number).ok_or(NoJson::Kind("a number that is not finite"))
        }
        Cel::String(text) => Ok(Value::String(text.to_string())),
        Cel::List(elements) => elements.iter().map(|element| to_json(element, room, depth)).collect(),
        Cel::Map(members) => {
            let mut object = Object::new();
            for (name, value) in members.map.iter() {
                let Key::String(name) = name else {
                    return Err(NoJson::Kind("an object whose keys are no texts"));
                };
                *room = room.checked_sub(1 + name.len() as u64 / 8).ok_or(NoJson::TooLarge)?;
                object.insert(name.to_string(), to_json(value, room, depth)?);
            }
            // In whatever order the library keeps them: sorted, so that the same event makes the same input.
            object.sort_keys();
            Ok(Value::Object(object))
        }
        // It is in UTC.
        Cel::Timestamp(time) => Ok(Value::String(time.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string())),
        Cel::Duration(_) => Err(NoJson::Kind("a duration; take its parts by `getSeconds()`")),
        Cel::Bytes(_) => Err(NoJson::Kind("bytes; make a text of them by `string()`")),
        Cel::Function(..) => Err(NoJson::Kind("a function")),
        Cel::Opaque(_) | Cel::Struct(_) => Err(NoJson::Kind("a type")),
    }
}
