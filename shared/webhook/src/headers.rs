//! Headers as they came.

use crate::Refusal;

/// The headers of a delivery: names in any case, values as bytes.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a>(&'a [(&'a str, &'a [u8])]);

impl<'a> Headers<'a> {
    /// Takes them as they came.
    pub const fn new(headers: &'a [(&'a str, &'a [u8])]) -> Self {
        Self(headers)
    }

    /// Each value of a header.
    pub(crate) fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The one value of a header that must be there, as text.
    pub(crate) fn text(self, name: &str) -> Result<&'a str, Refusal> {
        let malformed = |what| Refusal::Malformed { header: name.to_owned(), what };
        let mut values = self.all(name);
        let value = values.next().ok_or_else(|| Refusal::MissingHeader { header: name.to_owned() })?;
        if values.next().is_some() {
            // Which of them was signed cannot be known.
            return Err(malformed("it is there more than once"));
        }
        std::str::from_utf8(value).map(str::trim).map_err(|_| malformed("it is no text"))
    }

    /// The first value of a header that is not empty, if it is text.
    pub(crate) fn find(self, name: &str) -> Option<&'a str> {
        self.all(name).find_map(|value| std::str::from_utf8(value).ok()).map(str::trim).filter(|text| !text.is_empty())
    }

    /// Whether a header is there.
    pub(crate) fn has(self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// A header that is a number of seconds since 1970, written as digits and nothing else; also as it came.
    pub(crate) fn seconds(self, name: &str) -> Result<(&'a str, i64), Refusal> {
        let text = self.text(name)?;
        match seconds(text) {
            Some(at) => Ok((text, at)),
            None => Err(Refusal::Malformed { header: name.to_owned(), what: "it is no number of seconds" }),
        }
    }
}

/// Reads digits and nothing else.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_once() {
        let list: [(&str, &[u8]); 4] = [("X-One", b" 1 "), ("x-two", b"2"), ("X-Two", b"2"), ("x-bytes", b"\xff")];
        let headers = Headers::new(&list);
        assert_eq!(headers.text("x-ONE"), Ok("1"));
        assert_eq!(headers.seconds("x-one"), Ok(("1", 1)));
        assert_eq!(headers.text("x-none").expect_err("none").word(), "missing_header");
        for name in ["x-two", "x-bytes"] {
            assert_eq!(headers.text(name).expect_err(name).word(), "malformed");
        }
    }

    #[test]
    fn seconds_are_digits() {
        assert_eq!(seconds("1700000000"), Some(1_700_000_000));
        for bad in ["", "-1", "+1", "1.5", "1e3", " 1", "99999999999999999999", "١"] {
            assert_eq!(seconds(bad), None, "{bad:?}");
        }
    }
}
