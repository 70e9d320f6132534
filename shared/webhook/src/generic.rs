//! Whoever signs by HMAC: which headers, which hash, over what.

use serde::{Deserialize, Serialize};

use crate::{
    DeduplicateBy, Headers, Outgoing, Refusal, Template,
    claim::{Claim, SIGNATURES},
    mac::{self, Algorithm, Encoding},
    template::Part,
};

/// Bytes of a header's name, a prefix, a pointer.
const MOST: usize = 128;

/// How somebody signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacTerms {
    /// The header that has the signature, or several with commas or spaces between them.
    pub signature_header: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// How a signature is written.
    pub encoding: Encoding,
    /// What stands before each signature, such as `sha256=`.
    pub prefix: Option<String>,
    /// What is signed.
    pub template: Template,
    /// The header that has the time, in seconds since 1970; its value is signed.
    pub timestamp_header: Option<String>,
    /// The header that has the delivery's id.
    pub id_header: Option<String>,
    /// Where the event's name stands.
    pub event: Option<EventPlace>,
    /// By what a repeated delivery is recognized; see [`deduplicated_by`](Self::deduplicated_by).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplicate_by: Option<DeduplicateBy>,
}

/// Where the name of an event stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventPlace {
    /// In this header.
    Header(String),
    /// In the body, at this JSON pointer.
    Pointer(String),
}

/// Terms that contradict themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// No header has such a name.
    #[error("`{0}` is no header's name")]
    Header(String),
    /// A pointer begins with a slash.
    #[error("`{0}` is no JSON pointer: it looks like `/event/type`")]
    Pointer(String),
    /// A prefix that no header can have.
    #[error("the prefix is longer than {MOST} bytes or has characters that no header has")]
    Prefix,
    /// The template has a time that no header brings, or a header brings one that is not signed.
    #[error("a time counts only if it is signed: `{{timestamp}}` in the template and its header go together")]
    Timestamp,
    /// The template has an id that no header brings.
    #[error("`{{id}}` in the template needs the header that has it")]
    Id,
    /// Repeated deliveries are to be recognized by an id that no header brings.
    #[error("to deduplicate by `{0}`, name the header that has the delivery's id")]
    DeduplicateBy(&'static str),
}

impl HmacTerms {
    /// Terms with a signature over the body in this header, in hexadecimal, by SHA-256.
    pub fn new(signature_header: impl Into<String>) -> Self {
        Self {
            signature_header: signature_header.into(),
            algorithm: Algorithm::Sha256,
            encoding: Encoding::Hex,
            prefix: None,
            template: Template::body(),
            timestamp_header: None,
            id_header: None,
            event: None,
            deduplicate_by: None,
        }
    }

    /// By what a repeated delivery is recognized: as the terms say, else by the id where a header for it is named, else by
    /// what was signed.
    pub const fn deduplicated_by(&self) -> DeduplicateBy {
        match (self.deduplicate_by, &self.id_header) {
            (Some(said), _) => said,
            (None, Some(_)) => DeduplicateBy::Id,
            (None, None) => DeduplicateBy::Content,
        }
    }

    /// Whether they can be kept to.
    pub fn check(&self) -> Result<(), TermsError> {
        let (mut headers, mut pointer) = (vec![&self.signature_header], None);
        headers.extend(self.timestamp_header.iter().chain(&self.id_header));
        match &self.event {
            Some(EventPlace::Header(name)) => headers.push(name),
            Some(EventPlace::Pointer(text)) => pointer = Some(text),
            None => {}
        }
        if let Some(bad) = headers.into_iter().find(|name| !is_header(name)) {
            return Err(TermsError::Header(bad.clone()));
        }
        if let Some(bad) = pointer.filter(|text| !text.starts_with('/') || text.len() > MOST) {
            return Err(TermsError::Pointer(bad.clone()));
        }
        let fits = |prefix: &String| prefix.len() <= MOST && prefix.bytes().all(|c| c == b' ' || c.is_ascii_graphic());
        if !self.prefix.as_ref().is_none_or(fits) {
            return Err(TermsError::Prefix);
        }
        if self.timestamp_header.is_some() != self.template.has(&Part::Timestamp) {
            return Err(TermsError::Timestamp);
        }
        if self.id_header.is_none() && self.template.has(&Part::Id) {
            return Err(TermsError::Id);
        }
        if let Some(by) = self.deduplicate_by.filter(|by| by.needs_id() && self.id_header.is_none()) {
            return Err(TermsError::DeduplicateBy(by.as_str()));
        }
        Ok(())
    }

    /// Whether the signature covers the delivery's id.
    pub(crate) fn signs_id(&self) -> bool {
        self.template.has(&Part::Id)
    }
}

fn is_header(name: &str) -> bool {
    let token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    (1..=MOST).contains(&name.len()) && name.bytes().all(token)
}

fn signed<'a>(terms: &'a HmacTerms, id: &'a str, time: &'a str, body: &'a [u8]) -> Vec<&'a [u8]> {
    let part = |part: &'a Part| match part {
        Part::Body => body,
        Part::Timestamp => time.as_bytes(),
        Part::Id => id.as_bytes(),
        Part::Words(words) => words.as_bytes(),
    };
    terms.template.parts().iter().map(part).collect()
}

pub(crate) fn claim<'a>(terms: &'a HmacTerms, headers: Headers<'a>, body: &'a [u8]) -> Result<Claim<'a>, Refusal> {
    let name = &terms.signature_header;
    if !headers.has(name) {
        return Err(Refusal::MissingHeader { header: name.clone() });
    }
    let texts = headers.all(name).filter_map(|value| std::str::from_utf8(value).ok());
    // A prefix may have a space of its own, so the whole is tried too.
    let items = texts.flat_map(|text| [text].into_iter().chain(text.split([',', ' '])));
    let prefix = terms.prefix.as_deref().unwrap_or("");
    let signatures: Vec<_> = items
        .filter_map(|item| terms.encoding.read(item.trim().strip_prefix(prefix)?.trim()))
        .filter(|code| !code.is_empty())
        .take(SIGNATURES)
        .collect();
    if signatures.is_empty() {
        let what = "it has no signature with the prefix and in the encoding of this endpoint";
        return Err(Refusal::Malformed { header: name.clone(), what });
    }
    let time = terms.timestamp_header.as_deref().map(|name| headers.seconds(name)).transpose()?;
    let id = match &terms.id_header {
        Some(name) if terms.signs_id() => headers.text(name)?,
        Some(_) | None => "",
    };
    Ok(Claim {
        algorithm: terms.algorithm,
        signed: signed(terms, id, time.map_or("", |(text, _)| text), body),
        signatures,
        signed_at: time.map(|(_, at)| at),
    })
}

pub(crate) fn sign(terms: &HmacTerms, key: &[u8], outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
    let time = outgoing.at.to_string();
    let code = mac::make(terms.algorithm, key, &signed(terms, outgoing.id, &time, outgoing.body));
    let prefix = terms.prefix.as_deref().unwrap_or("");
    let mut headers = vec![(terms.signature_header.clone(), format!("{prefix}{}", terms.encoding.write(&code)))];
    headers.extend(terms.timestamp_header.iter().map(|name| (name.clone(), time.clone())));
    headers.extend(terms.id_header.iter().map(|name| (name.clone(), outgoing.id.to_owned())));
    if let Some(EventPlace::Header(name)) = &terms.event {
        headers.push((name.clone(), outgoing.event.to_owned()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_prove_nothing_are_refused() {
        let good = HmacTerms::new("x-signature");
        assert_eq!(good.check(), Ok(()));
        let template = |text: &str| Template::new(text).expect("a template");
        let some = |name: &str| Some(name.to_owned());
        let timed =
            HmacTerms { timestamp_header: some("x-time"), template: template("{timestamp}.{body}"), ..good.clone() };
        assert_eq!(timed.check(), Ok(()));
        for (bad, error) in [
            (HmacTerms::new("x signature"), TermsError::Header("x signature".into())),
            (HmacTerms::new(""), TermsError::Header(String::new())),
            (HmacTerms { timestamp_header: some("x-time"), ..good.clone() }, TermsError::Timestamp),
            (HmacTerms { timestamp_header: None, ..timed.clone() }, TermsError::Timestamp),
            (HmacTerms { template: template("{id}{body}"), ..good.clone() }, TermsError::Id),
            (HmacTerms { prefix: some("a\nb"), ..good.clone() }, TermsError::Prefix),
            (
                HmacTerms { deduplicate_by: Some(DeduplicateBy::IdOrContent), ..good.clone() },
                TermsError::DeduplicateBy("id_or_content"),
            ),
            (
                HmacTerms { event: Some(EventPlace::Pointer("type".into())), ..good.clone() },
                TermsError::Pointer("type".into()),
            ),
        ] {
            assert_eq!(bad.check(), Err(error));
        }
    }
}
