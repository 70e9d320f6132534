//! `webhook("stripe", …)`.

use piton_shared::trigger::{NamePattern, Provider};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result};

use super::{
    clauses::{Clauses, InputRule},
    maybe,
};
use crate::options::check_name;

/// A trigger by verified webhooks.
pub(crate) struct Webhook {
    provider: Provider,
    endpoint: Option<String>,
    event: Option<String>,
    filter: Option<String>,
    input: InputRule,
}

impl Webhook {
    pub(super) fn read(first: &LitStr, mut clauses: Clauses) -> Result<Self> {
        let word = first.value();
        let provider = Provider::ALL.into_iter().find(|provider| provider.as_str() == word).ok_or_else(|| {
            let known: Vec<_> = Provider::ALL.iter().map(|provider| format!("`{}`", provider.as_str())).collect();
            Error::new(
                first.span(),
                format!(
                    "`{word}` is no provider that is known: {}; `hmac` is whoever signs with a shared secret",
                    known.join(", ")
                ),
            )
        })?;
        let endpoint = clauses.checked("endpoint", |name| check_name(name, &[]).map(|()| name.to_owned()))?;
        let event = clauses.checked("event", |pattern| {
            pattern.parse::<NamePattern>().map_err(|wrong| format!("the event's name {wrong}"))?;
            Ok(pattern.to_owned())
        })?;
        let (filter, input) = (clauses.filter()?, clauses.input()?);
        clauses.finish("a webhook has `event`, `endpoint`, `filter` and `input`")?;
        Ok(Self { provider, endpoint, event, filter, input })
    }

    pub(super) fn expand(&self, krate: &TokenStream) -> TokenStream {
        let provider = match self.provider {
            Provider::Stripe => "Stripe",
            Provider::Github => "Github",
            Provider::Slack => "Slack",
            Provider::Standard => "Standard",
            Provider::Hmac => "Hmac",
        };
        let provider = Ident::new(provider, Span::call_site());
        let (endpoint, event) = (maybe(krate, self.endpoint.as_deref()), maybe(krate, self.event.as_deref()));
        let (filter, input) = (maybe(krate, self.filter.as_deref()), self.input.expand(krate));
        quote!(#krate::webhook(#krate::Provider::#provider, #endpoint, #event, #filter, #input))
    }
}
