//! `cron("0 9 * * *", …)`.

use piton_schedule::{Blame, Rhythm};
use piton_shared::{
    codec::{self, JsonError},
    trigger::{CatchUp, Overlap},
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result};

use super::{clauses::Clauses, maybe};
use crate::{duration, options::check_name};

/// A trigger by the clock.
pub(crate) struct Cron {
    expression: String,
    time_zone: Option<String>,
    name: Option<String>,
    overlap: Overlap,
    catch_up: CatchUp,
    jitter_millis: u64,
    input: Option<String>,
}

impl Cron {
    pub(super) fn read(first: &LitStr, mut clauses: Clauses) -> Result<Self> {
        let zone = clauses.text("tz")?;
        let time_zone = zone.as_ref().map(LitStr::value);
        if let Err(wrong) = Rhythm::parse(&first.value(), time_zone.as_deref().unwrap_or("UTC")) {
            let at = match (wrong.blames(), &zone) {
                (Blame::Zone, Some(zone)) => zone.span(),
                (Blame::Zone | Blame::Expression, _) => first.span(),
            };
            return Err(Error::new(at, wrong));
        }
        let name = clauses.checked("name", |name| check_name(name, &['.']).map(|()| name.to_owned()))?;
        let overlap = clauses.checked("overlap", |word| match word {
            "allow" => Ok(Overlap::Allow),
            "skip" => Ok(Overlap::Skip),
            "queue" => Ok(Overlap::Queue),
            "cancel" => Ok(Overlap::Cancel),
            _ => {
                Err("while the run before goes on, a firing is one of `allow`, `skip`, `queue` and `cancel`".to_owned())
            }
        })?;
        let catch_up = clauses.checked("catch_up", |word| match word {
            "skip" => Ok(CatchUp::Skip),
            "one" => Ok(CatchUp::One),
            "all" => Ok(CatchUp::All),
            _ => Err("firings that were missed are caught up by `skip`, `one` or `all`".to_owned()),
        })?;
        let jitter = clauses.checked("jitter", duration::parse)?;
        let input = clauses.checked("input", |text| input(text).map(|()| text.to_owned()))?;
        clauses.finish("a schedule has `tz`, `name`, `overlap`, `catch_up`, `jitter` and `input`")?;
        Ok(Self {
            expression: first.value(),
            time_zone,
            name,
            overlap: overlap.unwrap_or_default(),
            catch_up: catch_up.unwrap_or_default(),
            jitter_millis: jitter.map_or(0, |jitter| u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX)),
            input,
        })
    }

    /// The schedule's name, if it says one.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn expand(&self, krate: &TokenStream) -> TokenStream {
        let (expression, jitter) = (&self.expression, self.jitter_millis);
        let time_zone = self.time_zone.as_deref().unwrap_or("UTC");
        let name = maybe(krate, self.name.as_deref());
        let word = |word| Ident::new(word, Span::call_site());
        let overlap = word(match self.overlap {
            Overlap::Allow => "Allow",
            Overlap::Skip => "Skip",
            Overlap::Queue => "Queue",
            Overlap::Cancel => "Cancel",
        });
        let catch_up = word(match self.catch_up {
            CatchUp::Skip => "Skip",
            CatchUp::One => "One",
            CatchUp::All => "All",
        });
        let input = self.input.as_deref().unwrap_or("null");
        quote!(#krate::cron(
            #expression, #time_zone, #name, #krate::Overlap::#overlap, #krate::CatchUp::#catch_up, #jitter, #input
        ))
    }
}

/// The input of its runs is JSON that can be a payload.
fn input(text: &str) -> std::result::Result<(), String> {
    let value = codec::read_json(text.as_bytes(), codec::Duplicates::Refused, 1).map_err(|error| match error {
        JsonError::WideIntegers(pointers) => {
            let at = pointers.first().map_or("", String::as_str);
            format!("the integer at {at:?} does not fit into 64 bits: write it as a string")
        }
        JsonError::ByteOrderMark | JsonError::Syntax { .. } | JsonError::Duplicate { .. } => {
            format!("the input of its runs is JSON, as in `input = r#\"{{\"days\": 7}}\"#`: {error}")
        }
    })?;
    codec::from_json(&value).map(drop).map_err(|error| format!("the input of its runs cannot be stored: {error}"))
}
