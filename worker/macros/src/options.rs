//! What stands in the brackets of an attribute.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitInt, LitStr, Path, Result, meta::ParseNestedMeta, parse::Parser};

use crate::{
    Kind, duration,
    triggers::{self, Declared},
};

/// The longest name, in bytes. The registry checks against the engine's own bound again.
const NAME_BYTES: usize = 128;

/// The options of one attribute, each checked where it is read.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) krate: Option<Path>,
    max_tries: Option<u32>,
    timeout: Option<Duration>,
    try_timeout: Option<Duration>,
    queue: Option<String>,
    triggers: Vec<Declared>,
    /// The options met so far, to refuse a second one.
    seen: Vec<String>,
}

impl Options {
    pub(crate) fn parse(kind: Kind, attribute: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        syn::meta::parser(|meta| options.read(kind, &meta)).parse2(attribute)?;
        Ok(options)
    }

    fn read(&mut self, kind: Kind, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let option = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        if self.seen.contains(&option) {
            return Err(meta.error(format!("`{option}` is given twice")));
        }
        match (kind, option.as_str()) {
            (_, "name") => self.name = Some(definition_name(meta)?),
            (_, "crate") => self.krate = Some(text(meta)?.parse()?),
            (Kind::Function, "retries") => self.max_tries = Some(self.tries(meta, 1)?),
            (Kind::Function, "max_tries") => self.max_tries = Some(self.tries(meta, 0)?),
            (Kind::Function, "timeout") => self.timeout = Some(duration(meta)?),
            (Kind::Function, "try_timeout") => self.try_timeout = Some(duration(meta)?),
            (Kind::Function, "queue") => self.queue = Some(queue(meta)?),
            (Kind::Workflow, "triggers") => self.triggers = triggers::parse(meta)?,
            (Kind::Function, "triggers") => {
                return Err(meta.error(
                    "a function is called by a workflow, and nothing else starts it: declare triggers on a `#[workflow]` that calls it",
                ));
            }
            (Kind::Workflow, "event" | "webhook" | "cron") => {
                return Err(meta.error(format!("what starts a workflow stands together: `triggers({option}(…))`")));
            }
            (Kind::Workflow, "retries" | "max_tries" | "timeout" | "try_timeout") => {
                return Err(meta.error(format!(
                    "`{option}` belongs to a `#[function]`, or to a call of it: a workflow is replayed, never retried"
                )));
            }
            (Kind::Workflow, _) => {
                return Err(meta.error("unknown option: a workflow has `name`, `triggers` and `crate`"));
            }
            (Kind::Function, _) => {
                return Err(meta.error(
                    "unknown option: a function has `name`, `retries`, `max_tries`, `timeout`, `try_timeout`, `queue` and `crate`",
                ));
            }
        }
        self.seen.push(option);
        Ok(())
    }

    /// Reads a number of tries that is given without the first `uncounted` of them.
    fn tries(&self, meta: &ParseNestedMeta<'_>, uncounted: u32) -> Result<u32> {
        if self.max_tries.is_some() {
            return Err(meta.error("`retries` and `max_tries` say the same (one counts the first try): keep one"));
        }
        let number: LitInt = meta.value()?.parse()?;
        match number.base10_parse::<u32>()?.checked_add(uncounted) {
            Some(0) => Err(Error::new(number.span(), "a function is tried at least once: `max_tries = 1`")),
            Some(tries) => Ok(tries),
            None => Err(Error::new(number.span(), "more tries than can be counted")),
        }
    }

    /// What starts a workflow, if anything is declared to.
    pub(crate) fn triggers(&self, krate: &TokenStream) -> TokenStream {
        if self.triggers.is_empty() {
            return TokenStream::new();
        }
        let triggers = self.triggers.iter().map(|trigger| trigger.expand(krate));
        quote!(.triggers(#krate::Vec::from([#(#triggers),*])))
    }

    /// The defaults as a constant expression over `Defaults`.
    pub(crate) fn defaults(&self, krate: &TokenStream) -> TokenStream {
        let max_tries = self.max_tries.map(|tries| quote!(.max_tries(#tries)));
        let timeout = self.timeout.map(millis).map(|millis| quote!(.timeout_millis(#millis)));
        let try_timeout = self.try_timeout.map(millis).map(|millis| quote!(.try_timeout_millis(#millis)));
        let queue = self.queue.as_ref().map(|queue| quote!(.queue(#queue)));
        quote!(#krate::Defaults::NONE #max_tries #timeout #try_timeout #queue)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("it was read from a u64 of milliseconds")
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    meta.value()?.parse()
}

fn duration(meta: &ParseNestedMeta<'_>) -> Result<Duration> {
    let text = text(meta)?;
    duration::parse(&text.value()).map_err(|problem| Error::new(text.span(), problem))
}

fn definition_name(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let name = text(meta)?;
    check_name(&name.value(), &['.']).map_err(|problem| Error::new(name.span(), problem))?;
    Ok(name)
}

fn queue(meta: &ParseNestedMeta<'_>) -> Result<String> {
    let queue = text(meta)?;
    check_name(&queue.value(), &[]).map_err(|problem| Error::new(queue.span(), problem))?;
    Ok(queue.value())
}

/// Refuses what names may not have, as the engine does, but where it is written.
pub(crate) fn check_name(name: &str, beyond: &[char]) -> std::result::Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || beyond.contains(&c);
    let words = if beyond.is_empty() { "letters, digits, `_` and `-`" } else { "letters, digits, `_`, `-` and `.`" };
    if name.is_empty() {
        return Err("a name may not be empty".to_owned());
    }
    if name.len() > NAME_BYTES {
        return Err(format!("a name may have {NAME_BYTES} bytes, this one has {}", name.len()));
    }
    match name.chars().find(|c| !allowed(*c)) {
        None => Ok(()),
        Some(c) => {
            Err(format!("`{name}` has {c:?}: this name is made of {words} (`/`, `#` and `~` belong to step keys)"))
        }
    }
}
