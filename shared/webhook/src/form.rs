//! Bodies as a browser's form would send them.

/// The pairs of a form. None when a `%` is followed by no byte, or what comes out is no UTF-8.
pub(crate) fn pairs(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    let pair = |item: &str| {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        Some((decoded(name)?, decoded(value)?))
    };
    text.split('&').filter(|item| !item.is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let pair = [rest.next()?, rest.next()?];
                let mut one = [0];
                hex::decode_to_slice(pair, &mut one).ok()?;
                one[0]
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let read = pairs("a=1+2&b=%C3%BC%26&c&&=d".as_bytes());
        assert_eq!(read, Some(vec![pair("a", "1 2"), pair("b", "ü&"), pair("c", ""), pair("", "d")]));
        assert_eq!(pairs(b""), Some(vec![]));
        for bad in [&b"a=%"[..], b"a=%2", b"a=%zz", b"a=%ff", b"\xff"] {
            assert_eq!(pairs(bad), None);
        }
    }
}
