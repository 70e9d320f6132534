//! Integers of a width, as the formats of their schemas name them.

use jsonschema::{Keyword, ValidationError};
use serde_json::Value;

use super::words;

/// What an integer of some width may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer {
    least: i128,
    most: i128,
}

impl Integer {
    /// The integers of a format; none if it is a format of something else.
    pub(super) fn of(format: &str) -> Option<Self> {
        // Wider ones do not travel: JSON readers on the way would round them.
        let bits = match format {
            "int8" => -8,
            "int16" => -16,
            "int32" => -32,
            "int64" | "int" | "int128" => -64,
            "uint8" => 8,
            "uint16" => 16,
            "uint32" => 32,
            "uint64" | "uint" | "uint128" => 64,
            _ => return None,
        };
        if format == "int128" {
            return Some(Self { least: i128::from(i64::MIN), most: i128::from(u64::MAX) });
        }
        Some(if bits < 0 {
            let half = 1_i128 << (-bits - 1);
            Self { least: -half, most: half - 1 }
        } else {
            Self { least: 0, most: (1_i128 << bits) - 1 }
        })
    }

    fn has(self, value: &Value) -> bool {
        let Value::Number(number) = value else {
            // What is no number at all is refused by its type.
            return true;
        };
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.is_some_and(|whole| (self.least..=self.most).contains(&whole))
    }
}

impl<'i> Keyword<'i> for Integer {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.has(instance) {
            return Ok(());
        }
        let wanted = match instance.as_f64().filter(|_| instance.is_f64()) {
            Some(real) if real.fract() == 0.0 => "an integer, written without a point or an exponent".to_owned(),
            Some(_) => "an integer".to_owned(),
            None => format!("an integer from {} to {}", self.least, self.most),
        };
        Err(ValidationError::custom(words::instead(&wanted, instance)))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        self.has(instance)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_bounds_of_each_width_are_its_own() {
        let has = |format: &str, value: Value| Integer::of(format).expect("a format of integers").has(&value);
        for (format, least, most) in [
            ("int8", json!(i8::MIN), json!(i8::MAX)),
            ("int32", json!(i32::MIN), json!(i32::MAX)),
            ("int64", json!(i64::MIN), json!(i64::MAX)),
            ("uint8", json!(0), json!(u8::MAX)),
            ("uint64", json!(0), json!(u64::MAX)),
        ] {
            assert!(has(format, least) && has(format, most), "{format}");
        }
        assert!(!has("int8", json!(128)) && !has("int8", json!(-129)) && !has("uint8", json!(256)));
        assert!(!has("uint32", json!(-1)) && !has("int64", json!(u64::MAX)) && has("int128", json!(u64::MAX)));
        assert!(!has("int64", json!(3.0)) && !has("int64", json!(1e3)));
        assert!(has("int64", json!("3")), "its type refuses that");
        assert_eq!(Integer::of("double"), None);
    }
}
