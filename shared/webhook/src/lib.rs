//! Signatures of webhooks, as each provider makes them: who sent this, when, and is it the first time?
//!
//! Everything here is a function of headers, a raw body, secrets and the time. A delivery passes three steps, in this
//! order: [`Scheme::verify`] over the bytes as they came, [`Scheme::read`], which parses them, and [`Scheme::meaning`],
//! which says what event it is and by which keys a repetition is known.

mod body;
mod claim;
mod envelope;
mod form;
mod generic;
mod github;
mod headers;
mod kept;
mod mac;
mod meaning;
mod occurred;
mod probe;
mod refusal;
mod repetition;
mod scheme;
mod secret;
mod send;
mod slack;
mod standard;
mod stripe;
mod template;

pub use body::{BodyKind, Unreadable};
pub use claim::Verified;
pub use envelope::Envelope;
pub use generic::{EventPlace, HmacTerms, TermsError};
pub use headers::Headers;
pub use kept::KeptHeaders;
pub use mac::{Algorithm, Encoding};
pub use meaning::{Described, Meaning, Meaningless};
pub use refusal::Refusal;
pub use repetition::DeduplicateBy;
pub use scheme::Scheme;
pub use secret::{Secret, SecretError};
pub use send::Outgoing;
pub use template::{Template, TemplateError};
