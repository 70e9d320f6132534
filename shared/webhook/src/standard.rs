//! Standard Webhooks: `webhook-signature: v1,<base64> [v1,<base64>]` over `<webhook-id>.<webhook-timestamp>.<body>`, with
//! SHA-256. Svix calls its headers `svix-…` and does the same.

use base64::Engine as _;

use crate::{
    Headers, Outgoing, Refusal, Secret, SecretError,
    claim::{Claim, SIGNATURES},
    mac::{self, Algorithm, BASE64},
};

/// Id, time and signature, as one sender names them.
type Names = [&'static str; 3];

const STANDARD: Names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
const SVIX: Names = ["svix-id", "svix-timestamp", "svix-signature"];

/// Where some senders put the event's name beside the body.
pub(crate) const EVENT: &str = "webhook-event";

/// Either sender's names, never some of each.
fn names(headers: Headers<'_>) -> Names {
    if !headers.has(STANDARD[2]) && headers.has(SVIX[2]) { SVIX } else { STANDARD }
}

fn signed<'a>(id: &'a str, time: &'a str, body: &'a [u8]) -> Vec<&'a [u8]> {
    vec![id.as_bytes(), b".", time.as_bytes(), b".", body]
}

/// The delivery's id, which is signed.
pub(crate) fn id(headers: Headers<'_>) -> Option<&str> {
    headers.find(names(headers)[0])
}

pub(crate) fn claim<'a>(headers: Headers<'a>, body: &'a [u8]) -> Result<Claim<'a>, Refusal> {
    let [id, time, signature] = names(headers);
    let listed = headers.text(signature)?.split_ascii_whitespace();
    let signatures: Vec<_> = listed
        .filter_map(|item| item.strip_prefix("v1,"))
        .take(SIGNATURES)
        .filter_map(|code| BASE64.decode(code).ok())
        .collect();
    if signatures.is_empty() {
        let what = "it has no `v1,` with a signature in Base64";
        return Err(Refusal::Malformed { header: signature.to_owned(), what });
    }
    let id = headers.text(id)?;
    let (time, signed_at) = headers.seconds(time)?;
    Ok(Claim { algorithm: Algorithm::Sha256, signed: signed(id, time, body), signatures, signed_at: Some(signed_at) })
}

/// What `whsec_` is followed by is Base64 of the key. Some senders take the secret's own bytes for the key, and some libraries
/// write the signature's version before the secret.
pub(crate) fn keys(secret: &Secret) -> Vec<Vec<u8>> {
    let text = unversioned(secret.reveal());
    let decoded = BASE64.decode(text.strip_prefix(SYMMETRIC).unwrap_or(text)).ok().filter(|key| !key.is_empty());
    decoded.into_iter().chain([text.as_bytes().to_vec()]).collect()
}

const SYMMETRIC: &str = "whsec_";
const ASYMMETRIC: [&str; 2] = ["whpk_", "whsk_"];

fn unversioned(text: &str) -> &str {
    ["v1,", "v1a,"].iter().find_map(|version| text.strip_prefix(version)).unwrap_or(text)
}

/// How many bytes the key has that a secret stands for.
pub(crate) fn key_bytes(text: &str) -> Result<usize, SecretError> {
    let text = unversioned(text);
    if let Some(prefix) = ASYMMETRIC.into_iter().find(|prefix| text.starts_with(prefix)) {
        return Err(SecretError::Asymmetric(prefix));
    }
    match text.strip_prefix(SYMMETRIC) {
        Some(key) => BASE64.decode(key).map(|key| key.len()).map_err(|_| SecretError::NoBase64),
        None => Ok(text.len()),
    }
}

pub(crate) fn sign(key: &[u8], outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
    let time = outgoing.at.to_string();
    let code = mac::make(Algorithm::Sha256, key, &signed(outgoing.id, &time, outgoing.body));
    let [id, timestamp, signature] = STANDARD;
    vec![
        (id.into(), outgoing.id.to_owned()),
        (timestamp.into(), time),
        (signature.into(), format!("v1,{}", BASE64.encode(code))),
    ]
}
