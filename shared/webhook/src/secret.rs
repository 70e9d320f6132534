//! What both sides know.

use std::fmt;

use base64::Engine as _;
use piton_shared::{limits::WEBHOOK_SECRET_BYTES, trigger::Provider};

use crate::{mac::BASE64, standard};

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
    #[error("a secret may have {} bytes at most", WEBHOOK_SECRET_BYTES.end())]
    TooLong,
    /// Pasted with a line's end, say.
    #[error("a secret may not have spaces at its ends or control characters")]
    Unclean,
    /// So short that it can be found by trying.
    #[error(
        "the secret has {0} bytes, at least {least} are needed: anyone who captures one delivery can find a shorter one by \
         trying; let the provider or `piton webhook add` make one",
        least = WEBHOOK_SECRET_BYTES.start()
    )]
    TooShort(usize),
    /// A public or a private key: the other signature of Standard Webhooks.
    #[error(
        "`{0}` begins an asymmetric key (ed25519), and only symmetric signatures (`v1`) are supported: take the secret that \
         begins with `whsec_`"
    )]
    Asymmetric(&'static str),
    /// `whsec_` without Base64 behind it.
    #[error("what follows `whsec_` is not Base64: copy the secret as a whole")]
    NoBase64,
}

impl Secret {
    /// Takes a secret.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = text.into();
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if text.len() > *WEBHOOK_SECRET_BYTES.end() {
            return Err(SecretError::TooLong);
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err(SecretError::Unclean);
        }
        Ok(Self(text))
    }

    /// Checks whether a provider can sign with it, and nobody can guess it. For secrets that are new: those that an endpoint has
    /// go on.
    ///
    /// # Errors
    ///
    /// Says why it cannot work, or is not safe.
    pub fn check(&self, provider: Provider) -> Result<(), SecretError> {
        let bytes = match provider {
            Provider::Standard => standard::key_bytes(&self.0)?,
            Provider::Stripe | Provider::Github | Provider::Slack | Provider::Hmac => self.0.len(),
        };
        if bytes < *WEBHOOK_SECRET_BYTES.start() { Err(SecretError::TooShort(bytes)) } else { Ok(()) }
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
            (&*"x".repeat(*WEBHOOK_SECRET_BYTES.end() + 1), SecretError::TooLong),
        ] {
            assert_eq!(Secret::new(text), Err(error), "{text:?}");
        }
    }
    #[test]
    fn what_cannot_work_or_can_be_guessed_is_refused() {
        use Provider::{Github, Hmac, Slack, Standard, Stripe};
        let check = |provider, text: &str| Secret::new(text).expect(text).check(provider);
        for provider in [Stripe, Github, Slack, Hmac] {
            assert_eq!(check(provider, "x"), Err(SecretError::TooShort(1)));
            assert_eq!(check(provider, "fifteen bytes.."), Err(SecretError::TooShort(15)));
            assert_eq!(check(provider, "sixteen bytes..."), Ok(()));
        }
        let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        for good in [key.to_owned(), format!("whsec_{key}"), format!("v1,whsec_{key}"), "sixteen bytes...".to_owned()] {
            assert_eq!(check(Standard, &good), Ok(()), "{good}");
        }
        for (bad, error) in [
            ("x", SecretError::TooShort(1)),
            ("whsec_", SecretError::TooShort(0)),
            ("v1,whsec_", SecretError::TooShort(0)),
            ("whsec_eA==", SecretError::TooShort(1)),
            ("whsec_no base64, but long", SecretError::NoBase64),
            ("whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Asymmetric("whpk_")),
            ("v1a,whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Asymmetric("whpk_")),
            ("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Asymmetric("whsk_")),
        ] {
            assert_eq!(check(Standard, bad), Err(error), "{bad}");
        }
    }

    #[test]
    fn a_secret_that_is_made_is_good() {
        for provider in Provider::ALL {
            assert_eq!(Secret::of([7; 32], provider).check(provider), Ok(()));
        }
    }
}
