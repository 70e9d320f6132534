//! Reads the fields of a body one by one, so that every fault is named by its JSON pointer, all at once.

use std::time::Duration;

use piton_shared::{
    limits::{CALLER_KEY_BYTES, WAIT},
    name::check_segment,
};
use serde_json::{Map, Value};

use super::{
    limits,
    problem::{FieldError, Problem},
    time,
};

/// The fields of a body that were not read yet, and what was wrong with those that were.
#[derive(Debug)]
pub(super) struct Fields {
    left: Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<FieldError>,
}

impl Fields {
    /// Begins with a body, which must be an object.
    pub(super) fn new(body: Value) -> Result<Self, Problem> {
        let Value::Object(left) = body else {
            return Err(Problem::fields(vec![FieldError {
                pointer: String::new(),
                detail: format!("must be an object, not {}", kind(&body)),
            }]));
        };
        Ok(Self { left, known: Vec::new(), faults: Vec::new() })
    }

    /// Says that a field is wrong.
    pub(super) fn fault(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.faults.push(FieldError { pointer: pointer.into(), detail: detail.into() });
    }

    /// How many fields are wrong so far.
    pub(super) fn faults(&self) -> usize {
        self.faults.len()
    }

    /// A field of any kind.
    pub(super) fn any(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.left.remove(name)
    }

    /// Whether a field is there, and not null. It is not read by this.
    pub(super) fn has(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(|value| !value.is_null())
    }

    /// A field of any kind; null is as good as none.
    fn given(&mut self, name: &'static str) -> Option<Value> {
        self.any(name).filter(|value| !value.is_null())
    }

    /// A field as a merge patch has it (RFC 7396): null puts it back to what it is when nobody says it.
    pub(super) fn patched<T>(
        &mut self,
        name: &'static str,
        unsaid: T,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        if self.is_null(name) {
            self.any(name);
            return Some(unsaid);
        }
        read(self)
    }

    /// Fields that a merge patch cannot clear: null is a fault. They are not read by this.
    pub(super) fn never_null(&mut self, names: &[&str]) {
        for name in names {
            if self.is_null(name) {
                self.fault(format!("/{name}"), "cannot be cleared: leave it out to keep it as it is");
            }
        }
    }

    fn is_null(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(Value::is_null)
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.given(name)?;
        let text = string(value);
        self.accept(name, text)
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, name: &'static str) -> Option<String> {
        if self.left.get(name).is_none_or(Value::is_null) {
            self.any(name);
            self.fault(pointer(name), "is missing");
            return None;
        }
        self.text(name)
    }

    /// A text that has to pass a check, if it is there.
    pub(super) fn checked<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        check: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.accept(name, check(text))
    }

    /// The value, or the fault.
    pub(super) fn accept<T, E: std::fmt::Display>(&mut self, name: &'static str, checked: Result<T, E>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(pointer(name), error.to_string());
                None
            }
        }
    }

    /// A list of texts, each of which has to pass a check; empty if it is not there.
    pub(super) fn texts(
        &mut self,
        name: &'static str,
        most: usize,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Vec<String> {
        let Some(value) = self.given(name) else {
            return Vec::new();
        };
        let Value::Array(items) = value else {
            self.fault(pointer(name), format!("must be an array of strings, not {}", kind(&value)));
            return Vec::new();
        };
        if items.len() > most {
            self.fault(pointer(name), format!("may have {most} elements, this one has {}", items.len()));
            return Vec::new();
        }
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            match string(item).and_then(|text| check(&text).map(|()| text)) {
                Ok(text) => texts.push(text),
                Err(detail) => self.fault(format!("/{name}/{index}"), detail),
            }
        }
        texts
    }

    /// A whole number within these bounds, if it is there.
    pub(super) fn number(&mut self, name: &'static str, least: u32, most: u32) -> Option<u32> {
        let value = self.given(name)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let checked = number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            let what = if value.is_number() { value.to_string() } else { kind(&value).to_owned() };
            format!("must be a whole number from {least} to {most}, not {what}")
        });
        self.accept(name, checked)
    }

    /// An object, if it is there: its fields are read by `read`, and what is wrong with them is said under its name.
    pub(super) fn object<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let value = self.given(name)?;
        let Value::Object(left) = value else {
            self.fault(pointer(name), format!("must be an object, not {}", kind(&value)));
            return None;
        };
        let mut inner = Self { left, known: Vec::new(), faults: Vec::new() };
        let read = read(&mut inner);
        for fault in inner.close() {
            self.fault(format!("/{name}{}", fault.pointer), fault.detail);
        }
        Some(read)
    }

    /// A duration, as seconds or as a text like `10s`, `1h 30m`, `3d`, `1w` or `PT10S`.
    pub(super) fn duration(&mut self, name: &'static str) -> Option<Duration> {
        let value = self.given(name)?;
        let parsed = if let Value::Number(number) = &value {
            number
                .as_f64()
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .ok_or_else(|| format!("{number} is no number of seconds that can be waited for"))
        } else {
            string(value)
                .map_err(|_| "must be a number of seconds or a text like `10s`".to_owned())
                .and_then(|text| time::duration(&text).map_err(|error| error.to_string()))
        };
        let parsed =
            parsed.and_then(
                |duration| {
                    if duration <= WAIT { Ok(duration) } else { Err("may be ten years at most".to_owned()) }
                },
            );
        self.accept(name, parsed)
    }

    /// Ends the reading: fields that nobody asked for are faults too.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let faults = self.close();
        if faults.is_empty() { Ok(()) } else { Err(Problem::fields(faults)) }
    }

    fn close(mut self) -> Vec<FieldError> {
        let room = limits::FAULTS.saturating_sub(self.faults.len());
        for name in std::mem::take(&mut self.left).keys().take(room) {
            let detail = format!("is not a field of this request; it has {}", self.known.join(", "));
            self.fault(format!("/{}", escape(name)), detail);
        }
        self.faults
    }
}

fn string(value: Value) -> Result<String, String> {
    if let Value::String(text) = value { Ok(text) } else { Err(format!("must be a string, not {}", kind(&value))) }
}

fn pointer(name: &str) -> String {
    format!("/{name}")
}

/// A member's name in a JSON pointer (RFC 6901), cut to a length that can be shown.
fn escape(name: &str) -> String {
    let short: String = name.chars().take(64).collect();
    short.replace('~', "~0").replace('/', "~1")
}

/// What a value is, as a message says it.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A text without control characters, of at most so many bytes.
pub(super) fn check_text(text: &str, bytes: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err("may not be empty".into());
    }
    if text.len() > bytes {
        return Err(format!("may have {bytes} bytes, this one has {}", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err("may not have control characters".into());
    }
    Ok(())
}

/// The id of a session: a text that can be a segment of an address.
pub(super) fn check_session(id: &str) -> Result<(), String> {
    check_text(id, CALLER_KEY_BYTES)?;
    check_segment(id).map_err(|error| error.to_string())
}
