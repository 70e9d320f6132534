//! Integers that JSON text may have and 64 bits do not.

/// A run of so many digits may pass 64 bits: `i64::MIN` has 19, `u64::MAX` has 20.
const SUSPECT_DIGITS: usize = 19;
/// Characters of a member's name that a pointer shows.
const NAME_CHARS: usize = 64;

/// Where in a JSON text integers stand that 64 bits do not hold, as JSON pointers (RFC 6901), at most `most` of them.
///
/// Readers of JSON turn such integers into the nearest float without a word, so they must be found in the text. The text
/// must be JSON that was read already; of other text this says something or nothing, and never panics. Names are cut
/// after 64 characters.
///
/// ```
/// use piton_shared::codec::wide_integers;
///
/// assert_eq!(wide_integers(r#"{"ids": [1, 18446744073709551616]}"#, 10), ["/ids/1"]);
/// assert!(wide_integers(r#"{"id": 18446744073709551615, "float": 1e30}"#, 10).is_empty());
/// ```
pub fn wide_integers(json: &str, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    if !has_long_number(json.as_bytes()) {
        return found;
    }
    let mut place = Vec::new();
    let mut rest = json;
    while let Some(first) = rest.bytes().next() {
        if found.len() == most {
            break;
        }
        let length = match first {
            b'"' => {
                let length = string(rest);
                if let Some(Frame::Object { name, next }) = place.last_mut()
                    && *next == Next::Name
                {
                    *name = rest.get(..length).unwrap_or(rest);
                    *next = Next::Value;
                }
                length
            }
            b'{' => opened(&mut place, Frame::Object { name: "", next: Next::Name }),
            b'[' => opened(&mut place, Frame::Array { index: 0 }),
            b'}' | b']' => {
                place.pop();
                1
            }
            b',' => {
                match place.last_mut() {
                    Some(Frame::Array { index }) => *index += 1,
                    Some(Frame::Object { next, .. }) => *next = Next::Name,
                    None => {}
                }
                1
            }
            b'-' | b'0'..=b'9' => {
                let length = rest.bytes().take_while(|byte| b"+-.eE0123456789".contains(byte)).count();
                if is_wide(rest.get(..length).unwrap_or("")) {
                    found.push(place.iter().map(pointer).collect());
                }
                length
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        rest = rest.get(length..).unwrap_or("");
    }
    found
}

/// A value that contains the place where reading is.
enum Frame<'a> {
    Array { index: usize },
    Object { name: &'a str, next: Next },
}

/// What a string in an object is.
#[derive(PartialEq, Eq)]
enum Next {
    Name,
    Value,
}

fn opened<'a>(place: &mut Vec<Frame<'a>>, frame: Frame<'a>) -> usize {
    place.push(frame);
    1
}

/// Nearly no text has one, and then nothing more has to be looked at.
fn has_long_number(json: &[u8]) -> bool {
    let mut digits = 0;
    json.iter().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits >= SUSPECT_DIGITS
    })
}

/// The bytes of a string that begins here, its quotes included.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_wide(number: &str) -> bool {
    let whole = !number.contains(['.', 'e', 'E']);
    whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err()
}

fn pointer(frame: &Frame<'_>) -> String {
    match frame {
        Frame::Array { index } => format!("/{index}"),
        Frame::Object { name, .. } => {
            let name = serde_json::from_str::<String>(name).unwrap_or_else(|_| (*name).to_owned());
            let name: String = name.chars().take(NAME_CHARS).collect();
            format!("/{}", name.replace('~', "~0").replace('/', "~1"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const WIDE: &str = "123456789012345678901234567890";

    #[test]
    fn what_64_bits_hold_is_not_found() {
        for json in [
            "18446744073709551615",
            "-9223372036854775808",
            "[0, -0, 1.00000000000000000000000001, 1e30, 18446744073709551616.0, -1E+20]",
            r#"{"a": "18446744073709551616", "18446744073709551616": [true, null]}"#,
            r#"["\"18446744073709551616", "\\", {}, []]"#,
            "",
        ] {
            assert_eq!(wide_integers(json, 10), Vec::<String>::new(), "{json}");
        }
    }

    #[test]
    fn what_they_do_not_hold_is_named() {
        for (json, pointers) in [
            ("18446744073709551616", &[""] as &[_]),
            ("-9223372036854775809", &[""]),
            (r#"{"a": [1, {"b": 18446744073709551616}], "c": 2}"#, &["/a/1/b"]),
            (r#"[[], {}, "x,y", 99999999999999999999, -99999999999999999999]"#, &["/3", "/4"]),
            (r#"{"a/b~c\"d": 99999999999999999999, "e": {"f": 99999999999999999999}}"#, &["/a~1b~0c\"d", "/e/f"]),
            (r#"{ "a" :"x" , "b": 99999999999999999999 }"#, &["/b"]),
        ] {
            assert_eq!(wide_integers(json, 10), pointers, "{json}");
            assert_eq!(wide_integers(json, 1), pointers[..1], "{json}");
        }
    }

    /// Values in which each null stands for a wide integer.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".{0,4}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z/~\"\\\\]{0,3}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Where they stand.
    fn wide_places(value: &Value, place: &str, places: &mut Vec<String>) {
        match value {
            Value::Null => places.push(place.to_owned()),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    wide_places(item, &format!("{place}/{index}"), places);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    wide_places(member, &format!("{place}/{name}"), places);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    proptest! {
        #[test]
        fn each_is_found_where_it_stands(value in values(), pretty in any::<bool>()) {
            let mut places = Vec::new();
            wide_places(&value, "", &mut places);
            let json = with_wide(&value, pretty);
            prop_assert_eq!(wide_integers(&json, usize::MAX), places, "{}", json);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*", digits in "[-0-9\\[\\]{}\":,\\\\]{0,40}") {
            wide_integers(&text, 3);
            wide_integers(&format!("{digits}{WIDE}{text}"), 3);
        }
    }

    /// The value's text, written by hand so that each null is a wide integer.
    fn with_wide(value: &Value, pretty: bool) -> String {
        let space = if pretty { "\n  " } else { "" };
        match value {
            Value::Null => WIDE.to_owned(),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| with_wide(item, pretty)).collect();
                format!("[{space}{}{space}]", items.join(&format!(",{space}")))
            }
            Value::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, member)| {
                        format!("{}{space}:{space}{}", Value::from(name.as_str()), with_wide(member, pretty))
                    })
                    .collect();
                format!("{{{space}{}{space}}}", members.join(&format!(",{space}")))
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
        }
    }
}
