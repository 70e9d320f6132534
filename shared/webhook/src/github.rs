//! GitHub: `X-Hub-Signature-256: sha256=<hex>` over the body. Its older header with SHA-1 is not looked at. Neither time nor
//! the delivery's id are signed.

use crate::{
    Headers, Outgoing, Refusal,
    claim::Claim,
    mac::{self, Algorithm},
};

const SIGNATURE: &str = "X-Hub-Signature-256";
pub(crate) const EVENT: &str = "X-GitHub-Event";
pub(crate) const DELIVERY: &str = "X-GitHub-Delivery";

pub(crate) fn claim<'a>(headers: Headers<'a>, body: &'a [u8]) -> Result<Claim<'a>, Refusal> {
    let code = headers.text(SIGNATURE)?.strip_prefix("sha256=").and_then(|text| hex::decode(text).ok());
    let what = "it is not `sha256=` and hexadecimal digits";
    let code = code.ok_or_else(|| Refusal::Malformed { header: SIGNATURE.to_owned(), what })?;
    Ok(Claim { algorithm: Algorithm::Sha256, signed: vec![body], signatures: vec![code], signed_at: None })
}

pub(crate) fn sign(key: &[u8], outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
    let code = mac::make(Algorithm::Sha256, key, &[outgoing.body]);
    // An action stands in the body.
    let event = outgoing.event.split('.').next().unwrap_or_default();
    vec![
        (EVENT.into(), event.to_owned()),
        (DELIVERY.into(), outgoing.id.to_owned()),
        (SIGNATURE.into(), format!("sha256={}", hex::encode(code))),
    ]
}
