//! Triggers as the attributes expand them: what they are given was checked there.

use piton_shared::{
    codec,
    trigger::{CatchUp, CronTrigger, EventTrigger, InputRule, Overlap, Provider, Trigger, WebhookTrigger},
};

/// A trigger by events of a name.
pub fn event(pattern: &'static str, filter: Option<&'static str>, input: InputRule) -> Trigger {
    Trigger::Event(EventTrigger { pattern: pattern.to_owned(), filter: filter.map(owned), input })
}

/// A trigger by webhooks.
pub fn webhook(
    provider: Provider,
    endpoint: Option<&'static str>,
    event: Option<&'static str>,
    filter: Option<&'static str>,
    input: InputRule,
) -> Trigger {
    let [endpoint, event, filter] = [endpoint, event, filter].map(|text| text.map(owned));
    Trigger::Webhook(WebhookTrigger { provider, endpoint, event, filter, input })
}

/// A trigger by the clock, whose input is JSON.
pub fn cron(
    expression: &'static str,
    time_zone: &'static str,
    name: Option<&'static str>,
    overlap: Overlap,
    catch_up: CatchUp,
    jitter_millis: u64,
    input: &'static str,
) -> Trigger {
    let input = serde_json::from_str(input).expect("the attribute read it");
    Trigger::Cron(CronTrigger {
        name: name.map(owned),
        expression: owned(expression),
        time_zone: owned(time_zone),
        overlap,
        catch_up,
        jitter_millis,
        input: codec::from_json(&input).expect("the attribute encoded it"),
    })
}

/// A text of the attribute's.
pub fn owned(text: &'static str) -> String {
    text.to_owned()
}
