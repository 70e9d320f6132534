//! What stands in `triggers(…)`: everything that starts a workflow by itself.

mod clauses;
mod cron;
mod event;
mod webhook;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{
    Error, LitStr, Result, Token, meta::ParseNestedMeta, parenthesized, parse::ParseStream, punctuated::Punctuated,
};

use self::{clauses::Clauses, cron::Cron, event::Event, webhook::Webhook};

const KINDS: &str = "`event(\"user.signed_up\")`, `webhook(\"stripe\")` or `cron(\"0 9 * * *\")`";

/// One trigger, checked.
pub(crate) enum Declared {
    Event(Event),
    Webhook(Webhook),
    Cron(Cron),
}

/// Reads all of them.
pub(crate) fn parse(meta: &ParseNestedMeta<'_>) -> Result<Vec<Declared>> {
    let inside;
    parenthesized!(inside in meta.input);
    let read = Punctuated::<(Ident, Declared), Token![,]>::parse_terminated_with(&inside, declared)?;
    if read.is_empty() {
        return Err(meta.error(format!("nothing is declared: write {KINDS}, or leave `triggers` out")));
    }
    let most = piton_shared::limits::TRIGGERS_DECLARED;
    if read.len() > most {
        return Err(meta.error(format!("at most {most} triggers: let several names be one pattern, as in `order.*`")));
    }
    let mut schedules = Vec::new();
    for (word, declared) in &read {
        let Declared::Cron(cron) = declared else { continue };
        if schedules.contains(&cron.name()) {
            let called = cron.name().map_or_else(|| "have no name".to_owned(), |name| format!("are called `{name}`"));
            return Err(Error::new(
                word.span(),
                format!("two schedules of this workflow {called}: tell them apart with `name = \"…\"`"),
            ));
        }
        schedules.push(cron.name());
    }
    Ok(read.into_iter().map(|(_, declared)| declared).collect())
}

fn declared(input: ParseStream<'_>) -> Result<(Ident, Declared)> {
    let word: Ident = input.parse().map_err(|error| Error::new(error.span(), format!("a trigger is {KINDS}")))?;
    let kind = word.to_string();
    if !["event", "webhook", "cron"].contains(&kind.as_str()) {
        return Err(Error::new(word.span(), format!("unknown trigger: it is {KINDS}")));
    }
    let inside;
    parenthesized!(inside in input);
    let first: LitStr = inside.parse().map_err(|error| {
        let first = match kind.as_str() {
            "event" => "the event's name stands first: `event(\"user.signed_up\")`",
            "webhook" => "who sends it stands first: `webhook(\"stripe\")`",
            _ => "the expression stands first: `cron(\"0 9 * * *\")`",
        };
        Error::new(error.span(), first)
    })?;
    let clauses = Clauses::parse(&inside)?;
    let declared = match kind.as_str() {
        "event" => Declared::Event(Event::read(&first, clauses)?),
        "webhook" => Declared::Webhook(Webhook::read(&first, clauses)?),
        _ => Declared::Cron(Cron::read(&first, clauses)?),
    };
    Ok((word, declared))
}

impl Declared {
    /// It as an expression.
    pub(crate) fn expand(&self, krate: &TokenStream) -> TokenStream {
        match self {
            Self::Event(event) => event.expand(krate),
            Self::Webhook(webhook) => webhook.expand(krate),
            Self::Cron(cron) => cron.expand(krate),
        }
    }
}

/// An optional text as an expression.
fn maybe(krate: &TokenStream, text: Option<&str>) -> TokenStream {
    text.map_or_else(|| quote!(#krate::Option::None), |text| quote!(#krate::Option::Some(#text)))
}
