//! `event("user.signed_up", …)`.

use piton_shared::trigger::NamePattern;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

use super::{
    clauses::{Clauses, InputRule},
    maybe,
};

/// A trigger by events of a name.
pub(crate) struct Event {
    pattern: String,
    filter: Option<String>,
    input: InputRule,
}

impl Event {
    pub(super) fn read(first: &LitStr, mut clauses: Clauses) -> Result<Self> {
        let pattern = first.value();
        if let Err(wrong) = pattern.parse::<NamePattern>() {
            return Err(Error::new(first.span(), format!("the event's name {wrong}")));
        }
        let (filter, input) = (clauses.filter()?, clauses.input()?);
        clauses.finish("an event has `filter` and `input`")?;
        Ok(Self { pattern, filter, input })
    }

    pub(super) fn expand(&self, krate: &TokenStream) -> TokenStream {
        let (pattern, filter) = (&self.pattern, maybe(krate, self.filter.as_deref()));
        let input = self.input.expand(krate);
        quote!(#krate::event(#pattern, #filter, #input))
    }
}
