//! Slack: `X-Slack-Signature: v0=<hex>` and `X-Slack-Request-Timestamp` over `v0:<seconds>:<body>`, with SHA-256.

use crate::{
    Headers, Outgoing, Refusal,
    claim::Claim,
    mac::{self, Algorithm},
};

pub(crate) const SIGNATURE: &str = "X-Slack-Signature";
const TIME: &str = "X-Slack-Request-Timestamp";

fn signed<'a>(time: &'a str, body: &'a [u8]) -> Vec<&'a [u8]> {
    vec![b"v0:", time.as_bytes(), b":", body]
}

pub(crate) fn claim<'a>(headers: Headers<'a>, body: &'a [u8]) -> Result<Claim<'a>, Refusal> {
    let code = headers.text(SIGNATURE)?.strip_prefix("v0=").and_then(|text| hex::decode(text).ok());
    let what = "it is not `v0=` and hexadecimal digits";
    let code = code.ok_or_else(|| Refusal::Malformed { header: SIGNATURE.to_owned(), what })?;
    let (time, signed_at) = headers.seconds(TIME)?;
    Ok(Claim {
        algorithm: Algorithm::Sha256,
        signed: signed(time, body),
        signatures: vec![code],
        signed_at: Some(signed_at),
    })
}

pub(crate) fn sign(key: &[u8], outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
    let time = outgoing.at.to_string();
    let code = mac::make(Algorithm::Sha256, key, &signed(&time, outgoing.body));
    vec![(TIME.into(), time), (SIGNATURE.into(), format!("v0={}", hex::encode(code)))]
}
