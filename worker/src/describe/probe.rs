//! Asks a type what it can do, where it may not be able to.
//!
//! The attributes know types by their names only. What they expand to calls a method on `&Probe<T>`: if the type implements
//! the trait that the first implementation asks for, that method is found first, and else the other one, one reference
//! further away.

use std::marker::PhantomData;

use piton_shared::message::define::Presence;
use schemars::JsonSchema;
use serde::{Deserializer, de::DeserializeOwned, forward_to_deserialize_any};

use super::SchemaOf;

/// A type to be asked.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T: 'static> Probe<T> {
    /// What the question is put to.
    pub const ASKED: &'static Self = &Self(PhantomData);
}

/// Types that say their schema.
pub trait Described {
    /// Its schema.
    fn schema(&self) -> Option<SchemaOf>;
}

impl<T: JsonSchema> Described for Probe<T> {
    fn schema(&self) -> Option<SchemaOf> {
        Some(SchemaOf::new::<T>())
    }
}

/// Types that do not.
pub trait Undescribed {
    /// None.
    fn schema(&self) -> Option<SchemaOf>;
}

impl<T> Undescribed for &Probe<T> {
    fn schema(&self) -> Option<SchemaOf> {
        None
    }
}

/// Types that serde can read, and perhaps from nothing.
pub trait Omissible {
    /// Whether a field of this type may be left out.
    fn presence(&self) -> Presence;
}

impl<T: DeserializeOwned> Omissible for Probe<T> {
    fn presence(&self) -> Presence {
        // This is what serde does itself with a field that is missing, so `Option` under any name is found.
        if T::deserialize(Missing).is_ok() { Presence::Optional } else { Presence::Required }
    }
}

/// Types that serde cannot read; the compiler says so elsewhere.
pub trait Owed {
    /// It has to be there.
    fn presence(&self) -> Presence;
}

impl<T> Owed for &Probe<T> {
    fn presence(&self) -> Presence {
        Presence::Required
    }
}

/// A field that is not there.
struct Missing;

impl<'de> Deserializer<'de> for Missing {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("missing"))
    }

    fn deserialize_option<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
