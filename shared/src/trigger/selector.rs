//! Which events a trigger means, by their names and where they come from.

use super::{EventTrigger, NamePattern, PatternError, Provider, WebhookTrigger};

/// The webhook that brought an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brought<'a> {
    /// Whose.
    pub provider: Provider,
    /// The endpoint's name.
    pub endpoint: &'a str,
}

/// The events that a trigger means, its filter apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    names: Vec<NamePattern>,
    from: From,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum From {
    Anywhere,
    Webhook { provider: Provider, endpoint: Option<String> },
}

impl Selector {
    /// Of an event trigger: whoever published it.
    ///
    /// # Errors
    /// When its pattern is none.
    pub fn of_event(trigger: &EventTrigger) -> Result<Self, PatternError> {
        Ok(Self { names: vec![trigger.pattern.parse()?], from: From::Anywhere })
    }

    /// Of a webhook trigger: only what a verified webhook of that provider brought.
    ///
    /// # Errors
    /// When its pattern is none.
    pub fn of_webhook(trigger: &WebhookTrigger) -> Result<Self, PatternError> {
        let WebhookTrigger { provider, endpoint, event, .. } = trigger;
        let names = names(*provider, endpoint.as_deref(), event.as_deref())?;
        Ok(Self { names, from: From::Webhook { provider: *provider, endpoint: endpoint.clone() } })
    }

    /// Whether an event is meant that has this name and was brought so, if by a webhook.
    pub fn means(&self, name: &str, brought: Option<Brought<'_>>) -> bool {
        let from = match (&self.from, brought) {
            (From::Anywhere, _) => true,
            (From::Webhook { .. }, None) => false,
            (From::Webhook { provider, endpoint }, Some(by)) => {
                *provider == by.provider && endpoint.as_deref().is_none_or(|endpoint| endpoint == by.endpoint)
            }
        };
        from && self.names.iter().any(|pattern| pattern.matches(name))
    }
}

/// The whole names that a provider's own name of its event, as a pattern, stands for.
fn names(provider: Provider, endpoint: Option<&str>, event: Option<&str>) -> Result<Vec<NamePattern>, PatternError> {
    let Some(event) = event else {
        // Where it comes from says enough.
        return Ok(vec!["**".parse()?]);
    };
    // Alone, it has to be a pattern: what is wrong is said of what was written.
    event.parse::<NamePattern>()?;
    let first = match provider {
        Provider::Hmac => endpoint.unwrap_or("*"),
        Provider::Stripe | Provider::Github | Provider::Slack | Provider::Standard => provider.as_str(),
    };
    let mut names = vec![joined(first, event)?];
    // GitHub's event is `pull_request`, whatever its action: `github.pull_request.opened`.
    if provider == Provider::Github && !event.contains('.') && event != "**" {
        names.push(joined(first, &format!("{event}.*"))?);
    }
    Ok(names)
}

fn joined(first: &str, event: &str) -> Result<NamePattern, PatternError> {
    format!("{first}.{event}").parse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::InputRule;

    fn webhook(provider: Provider, endpoint: Option<&str>, event: Option<&str>) -> Result<Selector, PatternError> {
        Selector::of_webhook(&WebhookTrigger {
            provider,
            endpoint: endpoint.map(ToOwned::to_owned),
            event: event.map(ToOwned::to_owned),
            filter: None,
            input: InputRule::ByName,
        })
    }

    #[test]
    fn webhooks_are_told_by_provider_endpoint_and_name() {
        use Provider::{Github, Hmac, Standard, Stripe};
        type Case =
            (Provider, Option<&'static str>, Option<&'static str>, &'static [&'static str], &'static [&'static str]);
        // Each name is preceded by who brought it.
        let table: &[Case] = &[
            (
                Stripe,
                None,
                Some("payment_intent.succeeded"),
                &["stripe/main stripe.payment_intent.succeeded"],
                &[
                    "- stripe.payment_intent.succeeded",
                    "github/main stripe.payment_intent.succeeded",
                    "stripe/main stripe.payment_intent.failed",
                ],
            ),
            (
                Stripe,
                Some("eu"),
                Some("payment_intent.*"),
                &["stripe/eu stripe.payment_intent.failed"],
                &["stripe/us stripe.payment_intent.failed"],
            ),
            (
                Github,
                None,
                Some("pull_request"),
                &["github/main github.pull_request.opened", "github/main github.pull_request"],
                &["github/main github.push", "github/main github.pull_request_review.submitted"],
            ),
            (
                Github,
                None,
                Some("pull_request.opened"),
                &["github/main github.pull_request.opened"],
                &["github/main github.pull_request.closed"],
            ),
            (Github, None, None, &["github/main github.push"], &["- github.push", "stripe/main github.push"]),
            (Hmac, Some("shop"), Some("order.paid"), &["hmac/shop shop.order.paid"], &["hmac/mall mall.order.paid"]),
            (Hmac, None, Some("order.paid"), &["hmac/shop shop.order.paid"], &["hmac/shop shop.order.sent"]),
            (Hmac, Some("shop"), None, &["hmac/shop shop", "hmac/shop shop.order.paid"], &["hmac/mall mall"]),
            (
                Standard,
                None,
                Some("invoice.**"),
                &["standard/x standard.invoice.paid.late"],
                &["standard/x standard.invoice"],
            ),
        ];
        for (provider, endpoint, event, those, not_those) in table {
            let selector = webhook(*provider, *endpoint, *event).expect("a pattern");
            let means = |line: &&str| {
                let (by, name) = line.split_once(' ').expect("by whom, and the name");
                let brought = by.split_once('/').map(|(provider, endpoint)| Brought {
                    provider: Provider::ALL.into_iter().find(|one| one.as_str() == provider).expect("a provider"),
                    endpoint,
                });
                selector.means(name, brought)
            };
            for line in *those {
                assert!(means(line), "{provider:?} {endpoint:?} {event:?} means {line}");
            }
            for line in *not_those {
                assert!(!means(line), "{provider:?} {endpoint:?} {event:?} does not mean {line}");
            }
        }
    }

    #[test]
    fn an_event_trigger_hears_webhooks_too() {
        let trigger = EventTrigger { pattern: "stripe.**".into(), filter: None, input: InputRule::ByName };
        let selector = Selector::of_event(&trigger).expect("a pattern");
        let brought = Brought { provider: Provider::Stripe, endpoint: "main" };
        assert!(selector.means("stripe.charge.failed", Some(brought)));
        assert!(selector.means("stripe.charge.failed", None));
    }

    #[test]
    fn a_pattern_is_judged_as_it_was_written() {
        assert_eq!(webhook(Provider::Stripe, None, Some("")), Err(PatternError::Empty));
        assert!(webhook(Provider::Stripe, None, Some("a..b")).is_err());
    }
}
