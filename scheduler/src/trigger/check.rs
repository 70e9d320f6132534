//! Whether a trigger can be kept.

use piton_expressions::Expression;
use piton_shared::{
    limits::NAME_BYTES,
    trigger::{InputRule, Selector, Trigger},
};

use crate::store::Listens;

/// The part of a trigger that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The pattern of names.
    Pattern,
    /// The endpoint's name.
    Endpoint,
    /// The filter.
    Filter,
    /// The expression of the input.
    Input,
}

impl Part {
    /// As a sentence names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pattern => "pattern",
            Self::Endpoint => "endpoint",
            Self::Filter => "filter",
            Self::Input => "input",
        }
    }
}

/// What is wrong with a trigger, if anything is: names what, and what to do. The clock's are left to their own check.
///
/// Reads expressions, which takes some milliseconds: not on a thread of the runtime.
pub fn check(trigger: &Trigger) -> Result<(), String> {
    let Some(listens) = Listens::of(trigger) else {
        return Ok(());
    };
    let faults = faults(&listens);
    if faults.is_empty() {
        return Ok(());
    }
    let said = faults.iter().map(|(part, wrong)| format!("its {}: {wrong}", part.as_str()));
    let of = match listens.pattern() {
        Some(pattern) => format!("a trigger on `{pattern}`: "),
        None => "a trigger on a webhook: ".to_owned(),
    };
    Err(of + &said.collect::<Vec<_>>().join("; "))
}

/// Everything that is wrong with what a trigger listens to, each with its part.
pub fn faults(listens: &Listens) -> Vec<(Part, String)> {
    let mut faults = Vec::new();
    if let Err(wrong) = selector(listens) {
        faults.push((Part::Pattern, wrong.to_string()));
    }
    if let Listens::Webhook(webhook) = listens
        && let Some(endpoint) = &webhook.endpoint
        && (endpoint.is_empty() || endpoint.len() > NAME_BYTES || endpoint.chars().any(char::is_control))
    {
        faults.push((Part::Endpoint, format!("may have 1 to {NAME_BYTES} bytes without control characters")));
    }
    if let Some(Err(wrong)) = listens.filter().map(Expression::compile_filter) {
        faults.push((Part::Filter, wrong.to_string()));
    }
    match listens.input() {
        InputRule::Expression(source) => {
            if let Err(wrong) = Expression::compile(source) {
                faults.push((Part::Input, wrong.to_string()));
            }
        }
        InputRule::ByName | InputRule::Envelope => {}
    }
    faults
}

pub(super) fn selector(listens: &Listens) -> Result<Selector, piton_shared::trigger::PatternError> {
    match listens {
        Listens::Event(event) => Selector::of_event(event),
        Listens::Webhook(webhook) => Selector::of_webhook(webhook),
    }
}

#[cfg(test)]
mod tests {
    use piton_shared::trigger::{EventTrigger, Provider, WebhookTrigger};

    use super::*;

    #[test]
    fn every_fault_is_named_at_once() {
        let event = Trigger::Event(EventTrigger {
            pattern: "user..created".into(),
            filter: Some("evnt.data.age > 3".into()),
            input: InputRule::Expression("{'a': ".into()),
        });
        let webhook = Trigger::Webhook(WebhookTrigger {
            provider: Provider::Stripe,
            endpoint: Some(String::new()),
            event: None,
            filter: Some("1 +".into()),
            input: InputRule::Envelope,
        });
        let said = [event, webhook].map(|trigger| check(&trigger).expect_err("wrong"));
        insta::assert_snapshot!(said.join("\n"));
    }
}
