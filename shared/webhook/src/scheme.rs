//! How a provider signs.

use std::time::Duration;

use piton_shared::{time::Timestamp, trigger::Provider};

use crate::{
    Headers, HmacTerms, Outgoing, Refusal, Secret, Verified, claim::Claim, generic, github, slack, standard, stripe,
};

/// How a provider signs, names its events and numbers its deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// Stripe's: `Stripe-Signature` over time and body.
    Stripe,
    /// GitHub's: `X-Hub-Signature-256` over the body.
    Github,
    /// Slack's: `X-Slack-Signature` over time and body.
    Slack,
    /// Standard Webhooks, as Svix and many others have it: `webhook-signature` over id, time and body.
    Standard,
    /// A code in some headers.
    Hmac(HmacTerms),
}

impl Scheme {
    /// Whose it is.
    pub const fn provider(&self) -> Provider {
        match self {
            Self::Stripe => Provider::Stripe,
            Self::Github => Provider::Github,
            Self::Slack => Provider::Slack,
            Self::Standard => Provider::Standard,
            Self::Hmac(_) => Provider::Hmac,
        }
    }

    /// Whether this was signed with one of the secrets, and in time. Nothing of the body is parsed, and every signature is
    /// tried with every secret.
    pub fn verify(
        &self,
        headers: Headers<'_>,
        body: &[u8],
        secrets: &[Secret],
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Verified, Refusal> {
        let keys = |secret: &Secret| self.keys(secret);
        let keys: Vec<_> = secrets
            .iter()
            .enumerate()
            .flat_map(|(place, secret)| keys(secret).into_iter().map(move |key| (place, key)))
            .collect();
        self.claim(headers, body)?.settle(&keys, now, tolerance)
    }

    fn claim<'a>(&'a self, headers: Headers<'a>, body: &'a [u8]) -> Result<Claim<'a>, Refusal> {
        match self {
            Self::Stripe => stripe::claim(headers, body),
            Self::Github => github::claim(headers, body),
            Self::Slack => slack::claim(headers, body),
            Self::Standard => standard::claim(headers, body),
            Self::Hmac(terms) => generic::claim(terms, headers, body),
        }
    }

    /// The keys that a secret stands for, the one to sign with first.
    fn keys(&self, secret: &Secret) -> Vec<Vec<u8>> {
        match self {
            Self::Stripe | Self::Github | Self::Slack | Self::Hmac(_) => vec![secret.reveal().as_bytes().to_vec()],
            Self::Standard => standard::keys(secret),
        }
    }

    /// The headers with which the provider would send this: signature, time, and where it has them id and event.
    pub fn sign(&self, secret: &Secret, outgoing: &Outgoing<'_>) -> Vec<(String, String)> {
        let key = self.keys(secret).into_iter().next().unwrap_or_default();
        match self {
            Self::Stripe => stripe::sign(&key, outgoing),
            Self::Github => github::sign(&key, outgoing),
            Self::Slack => slack::sign(&key, outgoing),
            Self::Standard => standard::sign(&key, outgoing),
            Self::Hmac(terms) => generic::sign(terms, &key, outgoing),
        }
    }
}
