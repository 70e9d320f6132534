//! What both sides know.

use std::fmt;

use base64::Engine as _;
use piton_shared::trigger::Provider;

use crate::mac::BASE64;

/// Bytes of a secret at most.
const MOST: usize = 512;
/// Characters of a secret that people are shown, of one that is long enough to stay secret without them.
const SHOWN: usize = 4;
/// How long a secret has to be before any of it is shown.
const LONG: usize = 16;

/// A secret as the provider gave it. `Debug` does not show it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A text that cannot be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing was given.
    #[error("a secret may not be empty")]
    Empty,
    /// Longer than any provider's.
    #[error("a secret may have {MOST} bytes")]
    TooLong,
    /// Pasted with a line's end, say.
    #[error("a secret may not have spaces at its ends or control characters")]
    Unclean,
}

impl Secret {
    /// Takes a secret.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = text.into();
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if text.len() > MOST {
            return Err(SecretError::TooLong);
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err(SecretError::Unclean);
        }
        Ok(Self(text))
    }

    /// Makes a secret of random bytes, as the provider's look.
    pub fn of(random: [u8; 32], provider: Provider) -> Self {
        Self(match provider {
            Provider::Stripe | Provider::Standard => format!("whsec_{}", BASE64.encode(random)),
            Provider::Github | Provider::Slack | Provider::Hmac => hex::encode(random),
        })
    }

    /// The secret itself: to sign with, to be stored, and to be shown to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// By which people know it: its last four characters, if it is so long that they give nothing away.
    pub fn hint(&self) -> String {
        let count = self.0.chars().count();
        let shown = if count < LONG { 0 } else { SHOWN };
        self.0.chars().skip(count - shown).fold(String::from("…"), |mut hint, c| {
            hint.push(c);
            hint
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_hide_in_debug_and_show_little() {
        let secret = Secret::new("whsec_0123456789abcdef").expect("a secret");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.hint(), "…cdef");
        assert_eq!(Secret::new("short").expect("a secret").hint(), "…");
    }

    #[test]
    fn what_was_pasted_badly_is_refused() {
        for (text, error) in [
            ("", SecretError::Empty),
            (" x", SecretError::Unclean),
            ("x\n", SecretError::Unclean),
            ("a\0b", SecretError::Unclean),
            (&*"x".repeat(MOST + 1), SecretError::TooLong),
        ] {
            assert_eq!(Secret::new(text), Err(error), "{text:?}");
        }
    }
}
