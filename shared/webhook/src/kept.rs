//! Headers that may be kept and shown.

use std::collections::BTreeMap;

use piton_shared::text::cut;
use serde::{Deserialize, Serialize};

use crate::Scheme;

/// Headers that are kept of a delivery.
const MOST: usize = 64;
/// Bytes that are kept of a header.
const VALUE_BYTES: usize = 512;
/// What stands in the place of a signature or a secret.
const TAKEN_OUT: &str = "[taken out]";
/// Headers with these words in their names have what nobody else may see.
const SECRETIVE: [&str; 9] =
    ["signature", "secret", "token", "authorization", "cookie", "api-key", "apikey", "password", "credential"];

/// The headers of a delivery, names in lower case, with signatures and secrets taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeptHeaders(BTreeMap<String, String>);

impl KeptHeaders {
    /// Keeps what may be kept of headers whose names are in lower case.
    pub fn of(headers: &[(String, Vec<u8>)], scheme: &Scheme) -> Self {
        let mut kept: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in headers {
            if kept.len() >= MOST && !kept.contains_key(name) {
                continue;
            }
            let text = if is_secretive(name, scheme) {
                TAKEN_OUT.to_owned()
            } else {
                cut(&String::from_utf8_lossy(value), VALUE_BYTES)
            };
            match kept.get_mut(name) {
                Some(before) if before.len() < VALUE_BYTES && text != TAKEN_OUT => {
                    before.push_str(", ");
                    before.push_str(&text);
                }
                Some(_) => {}
                None => drop(kept.insert(name.clone(), text)),
            }
        }
        Self(kept)
    }

    /// Those of which nothing had to be taken out, as workflows get them.
    pub fn open(&self) -> BTreeMap<&str, &str> {
        let open = self.0.iter().filter(|(_, value)| *value != TAKEN_OUT);
        open.map(|(name, value)| (&**name, &**value)).collect()
    }
}

fn is_secretive(name: &str, scheme: &Scheme) -> bool {
    let signs = match scheme {
        Scheme::Hmac(terms) => terms.signature_header.eq_ignore_ascii_case(name),
        Scheme::Stripe | Scheme::Github | Scheme::Slack | Scheme::Standard => false,
    };
    signs || SECRETIVE.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HmacTerms;

    #[test]
    fn signatures_and_secrets_are_taken_out() {
        let headers = [
            ("stripe-signature", "t=1,v1=ab"),
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("x-gitlab-token", "t"),
            ("x-proof", "ab12"),
            ("user-agent", "Stripe/1.0"),
            ("accept", "a"),
            ("accept", "b"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let kept = KeptHeaders::of(&headers, &Scheme::Hmac(HmacTerms::new("X-Proof")));
        insta::assert_json_snapshot!(kept, @r#"
        {
          "accept": "a, b",
          "authorization": "[taken out]",
          "cookie": "[taken out]",
          "stripe-signature": "[taken out]",
          "user-agent": "Stripe/1.0",
          "x-gitlab-token": "[taken out]",
          "x-proof": "[taken out]"
        }
        "#);
        assert_eq!(kept.open().into_keys().collect::<Vec<_>>(), ["accept", "user-agent"]);
    }

    #[test]
    fn many_and_long_headers_are_cut() {
        let headers: Vec<_> = (0..200).map(|n| (format!("x-{n}"), vec![b'a'; 10_000])).collect();
        let kept = KeptHeaders::of(&headers, &Scheme::Stripe);
        assert!(serde_json::to_string(&kept).expect("text encodes").len() < 64 * 1024);
    }
}
