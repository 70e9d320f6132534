//! What cannot be encoded or decoded, and where it stands.

use std::fmt;

use crate::limits;

/// Bytes of a decoder's message that are kept: it may quote the value.
const MESSAGE_BYTES: usize = 512;
/// Bytes of a map's key that a path shows.
const KEY_BYTES: usize = 64;

/// A value that cannot become a payload, and the field that is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError {
    /// Innermost first: steps are added while the error travels outwards.
    path: Vec<Step>,
    fault: Fault,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// JSON has no such integer.
    #[error("a 128-bit integer cannot be represented: use 64 bits or a string")]
    Integer128,
    /// JSON has no such map.
    #[error("a map's key must be a string")]
    Key,
    /// JSON has no such number.
    #[error("{0} is no number that can be represented")]
    NotFinite(String),
    /// Nested deeper than [`limits::PAYLOAD_DEPTH`].
    #[error("nested deeper than {max} levels", max = limits::PAYLOAD_DEPTH)]
    TooDeep,
    /// Longer than its bound.
    #[error("larger than {max} bytes")]
    TooLarge {
        /// The bound in bytes.
        max: usize,
    },
    /// A `Serialize` that breaks its own word.
    #[error("announced {announced} elements and gave {given}")]
    Length {
        /// What it said.
        announced: usize,
        /// What it gave.
        given: usize,
    },
    /// What a type's own `Serialize` said.
    #[error("{0}")]
    Custom(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

impl EncodeError {
    /// What is wrong.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The field that is to blame, as `order.items[3].price`; empty for the value itself.
    pub fn path(&self) -> String {
        let mut text = String::new();
        for step in self.path.iter().rev() {
            match step {
                Step::Field(name) if text.is_empty() => text.push_str(name),
                Step::Field(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Step::Index(index) => {
                    text.push('[');
                    text.push_str(&index.to_string());
                    text.push(']');
                }
            }
        }
        text
    }

    pub(super) fn in_field(mut self, name: &str) -> Self {
        self.path.push(Step::Field(crate::text::cut(name, KEY_BYTES)));
        self
    }

    pub(super) fn in_element(mut self, index: usize) -> Self {
        self.path.push(Step::Index(index));
        self
    }
}

impl From<Fault> for EncodeError {
    fn from(fault: Fault) -> Self {
        Self { path: Vec::new(), fault }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return self.fault.fmt(f);
        }
        write!(f, "`{}`: {}", self.path(), self.fault)
    }
}

impl std::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Fault::Custom(crate::text::cut(&message.to_string(), MESSAGE_BYTES)).into()
    }
}

/// Bytes that are no payload, or not of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end within a value.
    #[error("the bytes end within a value")]
    Truncated,
    /// Bytes follow the value.
    #[error("{bytes} bytes follow the value")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// Nested deeper than [`limits::PAYLOAD_DEPTH`].
    #[error("nested deeper than {max} levels", max = limits::PAYLOAD_DEPTH)]
    TooDeep,
    /// Longer than its bound.
    #[error("{bytes} bytes, where {max} are allowed")]
    TooLarge {
        /// The length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// A marker that payloads do not use.
    #[error("the byte {marker:#04x} begins no value that is allowed here")]
    Marker {
        /// The byte.
        marker: u8,
    },
    /// A string that is no UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// A map's key that is no string.
    #[error("a map's key is no string")]
    Key,
    /// A number that JSON does not have.
    #[error("a number is not finite")]
    NotFinite,
    /// The type does not take this value.
    #[error("{0}")]
    Type(String),
}

impl DecodeError {
    pub(super) fn of_type(error: &impl fmt::Display) -> Self {
        Self::Type(crate::text::cut(&error.to_string(), MESSAGE_BYTES))
    }
}
