//! Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `<seconds>.<body>`, with SHA-256.

use crate::{
    Headers, Outgoing, Refusal,
    claim::{Claim, SIGNATURES},
    headers::seconds,
    mac::{self, Algorithm},
};

const SIGNATURE: &str = "Stripe-Signature";

pub(crate) fn claim<'a>(headers: Headers<'a>, body: &'a [u8]) -> Result<Claim<'a>, Refusal> {
    let malformed = |what| Refusal::Malformed { header: SIGNATURE.to_owned(), what };
    let pairs = || {
        let items = headers.text(SIGNATURE).into_iter().flat_map(|text| text.split(','));
        items.filter_map(|item| item.trim().split_once('='))
    };
    headers.text(SIGNATURE)?;
    let (_, time) = pairs().find(|(name, _)| *name == "t").ok_or_else(|| malformed("it has no time `t=`"))?;
    let signed_at = seconds(time).ok_or_else(|| malformed("its time is no number of seconds"))?;
    // Other versions are for Stripe's own tests and weaker.
    let signatures: Vec<_> = pairs()
        .filter(|(name, _)| *name == "v1")
        .take(SIGNATURES)
        .filter_map(|(_, text)| hex::decode(text).ok())
        .collect();
    if signatures.is_empty() {
        return Err(malformed("it has no signature `v1=`"));
    }
    Ok(Claim {
        algorithm: Algorithm::Sha256,
        signed: vec![time.as_bytes(), b".", body],
        signatures,
        signed_at: Some(signed_at),
    })
}

pub(crate) fn sign(key: &[u8], outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
    let time = outgoing.at.to_string();
    let code = mac::make(Algorithm::Sha256, key, &[time.as_bytes(), b".", outgoing.body]);
    vec![(SIGNATURE.into(), format!("t={time},v1={}", hex::encode(code)))]
}
