//! `piton webhook add`

use reqwest::Url;
use serde_json::{Map, Value, json};

use super::{
    options::{HmacOptions, SECRET, SecretOptions},
    repeats::{repeats, sizes},
};
use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, text},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// By which you know it, and workflows too.
    name: String,
    /// Who signs: stripe, github, slack, standard (Standard Webhooks, Svix) or hmac.
    #[arg(long)]
    provider: String,
    #[command(flatten)]
    secret: SecretOptions,
    /// Take only these events, by the provider's own names; `*` stands for any one segment, a last `**` for the rest. May be
    /// given several times.
    #[arg(long = "event", value_name = "PATTERN")]
    events: Vec<String>,
    /// How far the time of a signature may lie from now; five minutes when not said.
    #[arg(long, value_name = "TIME")]
    tolerance: Option<String>,
    #[command(flatten)]
    hmac: HmacOptions,
}

impl Add {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        let mut body = Map::new();
        body.insert("name".into(), json!(self.name));
        body.insert("provider".into(), json!(self.provider));
        if let Some(secret) = self.secret.read()? {
            body.insert("secret".into(), json!(secret.reveal()));
        }
        if !self.events.is_empty() {
            body.insert("events".into(), json!(self.events));
        }
        if let Some(tolerance) = self.tolerance {
            body.insert("tolerance".into(), json!(tolerance));
        }
        if let Some(hmac) = self.hmac.json() {
            body.insert("hmac".into(), hmac);
        }
        let made = console.client()?.post("/v1/webhooks", &Value::Object(body)).await?;
        let url = console.url.clone();
        console.screen.show(&made, |screen, made| added(screen, &url, made))?;
        Ok(Exit::Done)
    }
}

/// The address of an endpoint under the server's.
pub(super) fn address(server: &Url, webhook: &Value) -> String {
    format!("{}{}", server.as_str().trim_end_matches('/'), text(webhook, "path"))
}

fn added(screen: Screen, server: &Url, made: &Value) -> String {
    let (name, provider, secret) = (text(made, "name"), text(made, "provider"), text(made, "secret"));
    let mut shown = vec![
        format!("webhook   {} ({provider})\n", screen.bold(name)),
        format!("address   {}\n", screen.bold(&address(server, made))),
    ];
    if !secret.is_empty() {
        let once = screen.dim("this is the only time it is shown");
        shown.push(format!("secret    {secret}\n          {once}\n"));
    }
    for (name, lines) in [("repeats", repeats(made)), ("size", sizes(made))] {
        for (place, line) in lines.iter().enumerate() {
            shown.push(format!("{:<9} {line}\n", if place == 0 { name } else { "" }));
        }
    }
    let mut steps = vec![match provider {
        "stripe" => {
            "in Stripe: Developers, Webhooks, Add destination: give it the address and choose events".to_owned()
        }
        "github" => "in GitHub: Settings, Webhooks, Add webhook: the address, either content type, the secret".into(),
        "slack" => "in Slack: your app, Event Subscriptions: give it the address as the request URL".into(),
        "standard" => "give the sender the address and the secret".into(),
        _ => "give whoever sends the address and the secret".into(),
    }];
    if matches!(provider, "stripe" | "slack") && !secret.is_empty() {
        let whose = if provider == "stripe" { "Stripe" } else { "Slack" };
        steps.push(format!("{whose} signs with a secret of its own: piton webhook secret add {name} --secret-stdin"));
    }
    let event = match provider {
        "stripe" => "payment_intent.succeeded",
        "github" => "pull_request.opened",
        "slack" => "app_mention",
        _ => "invoice.paid",
    };
    steps.push(format!("to try it here: piton webhook send {name} --event {event}, with the secret in {SECRET}"));
    steps.push(format!("  read -rs {SECRET} && export {SECRET}   keeps it out of the shell's history"));
    steps.push(format!("to see what arrives: piton webhook deliveries {name}"));
    shown.push("next\n".into());
    shown.extend(steps.iter().map(|step| format!("  {step}\n")));
    shown.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn what_to_do_next_is_said_for_each_provider() {
        let server: Url = "http://127.0.0.1:7070".parse().expect("an address");
        let shown: Vec<_> = ["stripe", "github", "slack", "standard", "hmac"]
            .map(|provider| {
                let made = json!({
                    "name": "shop", "provider": provider, "path": "/v1/hooks/0197a000", "secret": "whsec_AAAA",
                    "hmac": (provider == "hmac").then(|| json!({"template": "{body}", "deduplicate_by": "content"})),
                });
                added(PLAIN, &server, &made)
            })
            .into();
        insta::assert_snapshot!(shown.join("\n"));
        let given = json!({"name": "shop", "provider": "stripe", "path": "/v1/hooks/0197a000"});
        insta::assert_snapshot!(added(PLAIN, &server, &given));
    }

    #[test]
    fn how_repeats_are_recognized_is_said_for_each_choice() {
        let said = |id: Option<&str>, template: &str, by: &str| {
            let hmac = json!({"id_header": id, "template": template, "deduplicate_by": by});
            repeats(&json!({"provider": "hmac", "hmac": hmac})).join("\n")
        };
        let shown = [
            said(Some("X-Id"), "{body}", "id"),
            said(Some("X-Id"), "{id}.{timestamp}.{body}", "id"),
            said(Some("X-Id"), "{timestamp}.{body}", "id_or_content"),
            said(None, "{timestamp}.{body}", "content"),
            said(None, "{body}", "none"),
        ];
        insta::assert_snapshot!(shown.join("\n\n"));
    }
}
