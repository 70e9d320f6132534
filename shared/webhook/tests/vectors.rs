//! What the providers' own libraries signed is accepted, and nothing that differs from it by one bit.

use std::{collections::BTreeMap, time::Duration};

use piton_shared::time::Timestamp;
use piton_webhook::{Headers, HmacTerms, Refusal, Scheme, Secret, Verified};
use serde::Deserialize;

const TOLERANCE: Duration = Duration::from_mins(5);

#[derive(Debug, Clone, Deserialize)]
struct Vector {
    provider: String,
    library: String,
    secret: String,
    at: i64,
    headers: BTreeMap<String, String>,
    body: String,
    terms: Option<HmacTerms>,
}

impl Vector {
    fn all() -> Vec<Self> {
        let vectors: Vec<Self> = serde_json::from_str(include_str!("../vectors/vectors.json")).expect("they read");
        assert!(vectors.len() > 50, "only {} vectors", vectors.len());
        vectors
    }

    fn scheme(&self) -> Scheme {
        match &*self.provider {
            "stripe" => Scheme::Stripe,
            "github" => Scheme::Github,
            "slack" => Scheme::Slack,
            "standard" => Scheme::Standard,
            "hmac" => {
                let terms = self.terms.clone().expect("it has terms");
                assert_eq!(terms.check(), Ok(()));
                Scheme::Hmac(terms)
            }
            other => panic!("{other}"),
        }
    }

    fn verify(&self, secrets: &[&str], body: &[u8], now: i64) -> Result<Verified, Refusal> {
        let list: Vec<_> = self.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(*secret).expect("a secret")).collect();
        let now = Timestamp::from_micros(now * 1_000_000);
        self.scheme().verify(Headers::new(&list), body, &secrets, now, TOLERANCE)
    }

    fn accepted(&self) -> bool {
        self.verify(&[&self.secret], self.body.as_bytes(), self.at).is_ok()
    }

    fn is_timed(&self) -> bool {
        self.provider != "github" && self.terms.as_ref().is_none_or(|terms| terms.timestamp_header.is_some())
    }

    /// The header that has the signature.
    fn signature(&self) -> (&str, &str) {
        let found = self.headers.iter().find(|(name, _)| name.to_ascii_lowercase().contains("signature"));
        found.map(|(name, value)| (&**name, &**value)).expect("it is signed")
    }
}

#[test]
fn what_the_providers_sign_is_accepted() {
    for vector in Vector::all() {
        let verified = vector.verify(&["another", &vector.secret], vector.body.as_bytes(), vector.at);
        let verified = verified.unwrap_or_else(|refusal| panic!("{}: {refusal}: {vector:#?}", vector.library));
        assert_eq!(verified.secret, 1);
        let at = Timestamp::from_micros(vector.at * 1_000_000);
        assert_eq!(verified.signed_at, vector.is_timed().then_some(at), "{}", vector.provider);
    }
}

#[test]
fn one_bit_of_the_body_is_enough() {
    for vector in Vector::all() {
        let bits = vector.body.len() * 8;
        for bit in (0..bits).step_by(1.max(bits / 64)) {
            let mut body = vector.body.clone().into_bytes();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(vector.verify(&[&vector.secret], &body, vector.at), Err(Refusal::NoSecretMatches), "{bit}");
        }
        let longer = format!("{}\n", vector.body);
        assert!(vector.verify(&[&vector.secret], longer.as_bytes(), vector.at).is_err());
        assert!(vector.verify(&[], vector.body.as_bytes(), vector.at).is_err());
    }
}

#[test]
fn one_character_of_the_signature_the_time_or_the_id_is_enough() {
    for vector in Vector::all() {
        let (name, value) = vector.signature();
        // Of several signatures the last good one alone is left, so that none of the others makes up for it.
        if value.matches("v1").count() > 1 {
            continue;
        }
        let code = value.rfind([',', '=']).map_or(0, |at| if at + 2 >= value.len() { 0 } else { at + 1 });
        let code = if vector.provider == "standard" || value.starts_with("v1,") { "v1,".len() } else { code };
        for place in code..value.trim_end_matches('=').len() - 1 {
            let mut changed = value.as_bytes().to_vec();
            changed[place] = if changed[place] == b'1' { b'2' } else { b'1' };
            let mut other = vector.clone();
            other.headers.insert(name.to_owned(), String::from_utf8(changed).expect("ASCII"));
            assert!(!other.accepted(), "{}: {place} of {value}", vector.provider);
        }
        for (name, value) in &vector.headers {
            let lower = name.to_ascii_lowercase();
            let signed_id = lower.ends_with("-id") && (lower.starts_with("webhook") || lower.starts_with("svix"));
            if lower.ends_with("timestamp") || signed_id {
                let mut other = vector.clone();
                let last = if value.ends_with('1') { '2' } else { '1' };
                other.headers.insert(name.clone(), format!("{}{last}", &value[..value.len() - 1]));
                assert!(!other.accepted(), "{name}");
            }
        }
        if vector.provider == "stripe" {
            let mut other = vector.clone();
            let later = value.replace(&vector.at.to_string(), &(vector.at + 1).to_string());
            other.headers.insert(name.to_owned(), later);
            assert!(!other.accepted(), "its time is signed");
        }
    }
}

#[test]
fn the_window_is_closed_on_both_sides() {
    for vector in Vector::all() {
        let at = |now: i64| vector.verify(&[&vector.secret], vector.body.as_bytes(), vector.at + now);
        assert!(at(300).is_ok() && at(-300).is_ok());
        if vector.is_timed() {
            assert_eq!(at(302), Err(Refusal::Stale { by: Duration::from_secs(302) }));
            assert_eq!(at(-302), Err(Refusal::FromTheFuture { by: Duration::from_secs(302) }));
        } else {
            assert!(at(1_000_000).is_ok(), "nobody signs the time");
        }
    }
}

#[test]
fn a_header_that_is_missing_is_named() {
    for vector in Vector::all() {
        let (name, _) = vector.signature();
        let mut without = vector.clone();
        let name = name.to_owned();
        without.headers.remove(&name);
        match without.verify(&[&vector.secret], vector.body.as_bytes(), vector.at) {
            Err(Refusal::MissingHeader { header }) => {
                // Without Svix' headers the standard's are missed.
                let expected = name.replace("svix", "webhook");
                assert!(header.eq_ignore_ascii_case(&name) || header == expected, "{header} for {name}");
            }
            other => panic!("{other:?}"),
        }
    }
}
