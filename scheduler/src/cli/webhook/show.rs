//! `piton webhook list`, `show`, `pause`, `resume` and `remove`.

use reqwest::Url;
use serde_json::{Value, json};

use super::{add::address, path};
use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, items, second, text, words},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Named {
    /// The webhook's name, or its id.
    name: String,
}

pub(super) async fn list(console: &Console) -> Result<Exit, CliError> {
    let found = console.client()?.get("/v1/webhooks").await?;
    console.screen.show(&found, webhooks)?;
    Ok(Exit::Done)
}

impl Named {
    pub(super) async fn show(self, console: &Console) -> Result<Exit, CliError> {
        let found = console.client()?.get(&path(&self.name)).await?;
        let url = console.url.clone();
        console.screen.show(&found, |screen, found| webhook(screen, &url, found))?;
        Ok(Exit::Done)
    }

    pub(super) async fn turn(self, console: &Console, state: &str) -> Result<Exit, CliError> {
        let changed = console.client()?.patch(&path(&self.name), &json!({ "state": state })).await?;
        console.screen.show(&changed, |screen, changed| {
            format!("{} is {}\n", text(changed, "name"), screen.bold(text(changed, "state")))
        })?;
        Ok(Exit::Done)
    }

    pub(super) async fn remove(self, console: &Console) -> Result<Exit, CliError> {
        console.client()?.delete(&path(&self.name)).await?;
        let removed = json!({ "name": self.name, "removed": true });
        console.screen.show(&removed, |_, removed| format!("removed {}\n", text(removed, "name")))?;
        Ok(Exit::Done)
    }
}

fn webhooks(screen: Screen, answer: &Value) -> String {
    let row = |webhook: &Value| {
        let events = words(webhook, "events");
        let good = items(webhook, "secrets").iter().filter(|secret| text(secret, "retired_at").is_empty()).count();
        vec![
            text(webhook, "name").to_owned(),
            text(webhook, "provider").to_owned(),
            text(webhook, "state").to_owned(),
            good.to_string(),
            text(webhook, "path").to_owned(),
            if events.is_empty() { "all".into() } else { events },
        ]
    };
    let rows: Vec<_> = items(answer, "webhooks").iter().map(row).collect();
    if rows.is_empty() {
        return "no webhooks; `piton webhook add NAME --provider stripe` makes one\n".into();
    }
    screen.table(&["WEBHOOK", "PROVIDER", "STATE", "SECRETS", "ADDRESS", "EVENTS"], rows)
}

fn webhook(screen: Screen, server: &Url, webhook: &Value) -> String {
    let events = words(webhook, "events");
    let tolerance = webhook.get("tolerance_seconds").and_then(Value::as_f64).unwrap_or_default();
    let mut lines = vec![
        ("webhook", screen.bold(text(webhook, "name"))),
        ("id", text(webhook, "id").to_owned()),
        ("provider", text(webhook, "provider").to_owned()),
        ("state", text(webhook, "state").to_owned()),
        ("address", address(server, webhook)),
        ("events", if events.is_empty() { "all".into() } else { events }),
        ("tolerance", format!("{tolerance} s")),
        ("created", second(text(webhook, "created_at"))),
    ];
    let hmac = webhook.get("hmac").and_then(Value::as_object).into_iter().flatten();
    let hmac = hmac.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?.to_owned())));
    lines.extend(hmac);
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name:<17} {value}\n")).collect();
    let mut shown = lines.concat();
    let secret = |secret: &Value| {
        let retired = text(secret, "retired_at");
        vec![
            text(secret, "id").to_owned(),
            text(secret, "hint").to_owned(),
            second(text(secret, "created_at")),
            if retired.is_empty() { "good".to_owned() } else { format!("removed {}", second(retired)) },
            text(secret, "label").to_owned(),
        ]
    };
    let rows: Vec<_> = items(webhook, "secrets").iter().map(secret).collect();
    if rows.is_empty() {
        shown.push_str("it has no secret: everything is refused\n");
    } else {
        shown.push('\n');
        shown.push_str(&screen.table(&["SECRET", "ENDS IN", "ADDED", "STATE", "LABEL"], rows));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    fn shop() -> Value {
        json!({
            "id": "0197a000-0000-4000-8000-000000000001", "name": "shop", "provider": "hmac", "state": "active",
            "path": "/v1/hooks/0197a000-0000-4000-8000-000000000001", "events": ["order.*", "refund"], "tolerance_seconds": 300.0,
            "hmac": {"signature_header": "X-Signature", "algorithm": "sha256", "prefix": null, "template": "{timestamp}.{body}"},
            "secrets": [
                {"id": "0197a000-0000-7000-8000-000000000002", "label": "first", "hint": "…cdef", "created_at": "2026-11-21T10:00:00.250000Z", "retired_at": "2026-11-22T10:00:00.250000Z"},
                {"id": "0197a000-0000-7000-8000-000000000003", "label": "new", "hint": "…", "created_at": "2026-11-22T10:00:00.250000Z", "retired_at": null},
            ],
            "created_at": "2026-11-21T10:00:00.250000Z",
        })
    }

    #[test]
    fn webhooks_are_shown_without_their_secrets() {
        let server: Url = "https://piton.example/".parse().expect("an address");
        insta::assert_snapshot!(webhook(PLAIN, &server, &shop()));
        insta::assert_snapshot!(webhooks(Screen { width: Some(140), ..PLAIN }, &json!({"webhooks": [shop()]})));
        insta::assert_snapshot!(webhooks(PLAIN, &json!({"webhooks": []})));
    }
}
