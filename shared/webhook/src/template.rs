//! What a code is made over: the body, and what stands around it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a code is made over: `{body}`, `{timestamp}.{body}`, `{id}.{timestamp}.{body}` and the like. It has the body
/// exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(Vec<Part>);

/// A part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// The body as it came.
    Body,
    /// The time, as its header writes it.
    Timestamp,
    /// The delivery's id, as its header writes it.
    Id,
    /// These words.
    Words(String),
}

/// Bytes of a template.
const MOST: usize = 128;

/// A text that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Longer than anybody needs.
    #[error("a template may have {MOST} bytes")]
    TooLong,
    /// Words in braces that mean nothing here.
    #[error("`{{{0}}}` stands for nothing: a template has {{body}}, {{timestamp}} and {{id}}")]
    Unknown(String),
    /// A brace that is not closed, or was not opened.
    #[error("a brace has no partner")]
    Brace,
    /// The body is missing, or stands there twice.
    #[error("a template has {{body}} exactly once")]
    Body,
}

impl Template {
    /// The body and nothing else.
    pub fn body() -> Self {
        Self(vec![Part::Body])
    }

    /// Reads a template.
    pub fn new(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MOST {
            return Err(TemplateError::TooLong);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (words, from) = rest.split_at(at);
            let inner = from.strip_prefix('{').ok_or(TemplateError::Brace)?;
            let (name, after) = inner.split_once('}').ok_or(TemplateError::Brace)?;
            if !words.is_empty() {
                parts.push(Part::Words(words.to_owned()));
            }
            parts.push(match name {
                "body" => Part::Body,
                "timestamp" => Part::Timestamp,
                "id" => Part::Id,
                other => return Err(TemplateError::Unknown(other.to_owned())),
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Words(rest.to_owned()));
        }
        if parts.iter().filter(|part| **part == Part::Body).count() != 1 {
            return Err(TemplateError::Body);
        }
        Ok(Self(parts))
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    pub(crate) fn has(&self, part: &Part) -> bool {
        self.0.contains(part)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Body => f.write_str("{body}"),
            Part::Timestamp => f.write_str("{timestamp}"),
            Part::Id => f.write_str("{id}"),
            Part::Words(words) => f.write_str(words),
        })
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;
    fn try_from(text: String) -> Result<Self, TemplateError> {
        Self::new(&text)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_read_back_as_they_were() {
        for text in ["{body}", "{timestamp}.{body}", "{id}.{timestamp}.{body}", "v0:{timestamp}:{body}", "{body}!"] {
            assert_eq!(Template::new(text).expect(text).to_string(), text);
        }
        for bad in ["", "x", "{body}{body}", "{timestamp}", "{body", "body}", "{}{body}", "{Body}", &"x".repeat(200)] {
            assert!(Template::new(bad).is_err(), "{bad}");
        }
    }
}
