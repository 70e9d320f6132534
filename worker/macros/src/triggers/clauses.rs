//! What stands behind the first text of a trigger: words and their values.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result, Token, ext::IdentExt, parse::ParseStream};

use piton_shared::limits::EXPRESSION_BYTES;

/// The values of words that were not read yet.
pub(super) struct Clauses(Vec<(Ident, Value)>);

/// What a word is set to.
pub(super) enum Value {
    Text(LitStr),
    Word(Ident),
}

impl Clauses {
    pub(super) fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut clauses: Vec<(Ident, Value)> = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let word = input.call(Ident::parse_any)?;
            if clauses.iter().any(|(other, _)| *other == word) {
                return Err(Error::new(word.span(), format!("`{word}` is given twice")));
            }
            input.parse::<Token![=]>()?;
            let value = if input.peek(LitStr) {
                Value::Text(input.parse()?)
            } else if input.peek(syn::Ident) {
                Value::Word(input.parse()?)
            } else {
                return Err(input.error(format!("write a text: `{word} = \"…\"`")));
            };
            clauses.push((word, value));
        }
        Ok(Self(clauses))
    }

    fn take(&mut self, word: &str) -> Option<Value> {
        let place = self.0.iter().position(|(other, _)| other == word)?;
        Some(self.0.remove(place).1)
    }

    /// The text of a word, if it is there.
    pub(super) fn text(&mut self, word: &str) -> Result<Option<LitStr>> {
        match self.take(word) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Word(other)) => Err(Error::new(other.span(), format!("write a text: `{word} = \"…\"`"))),
        }
    }

    /// The text of a word that passes a check, if it is there.
    pub(super) fn checked<T>(
        &mut self,
        word: &str,
        check: impl FnOnce(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        self.text(word)?.map(|text| check(&text.value()).map_err(|wrong| Error::new(text.span(), wrong))).transpose()
    }

    /// The word `filter`, whose expression is read where events are matched.
    pub(super) fn filter(&mut self) -> Result<Option<String>> {
        self.checked("filter", |text| {
            expression(text).map_err(|wrong| format!("{wrong}: `filter = \"event.data.total > 100\"`"))
        })
    }

    /// The word `input` of a trigger by an event.
    pub(super) fn input(&mut self) -> Result<InputRule> {
        match self.take("input") {
            None => Ok(InputRule::ByName),
            Some(Value::Word(word)) if word == "envelope" => Ok(InputRule::Envelope),
            Some(Value::Word(word)) => Err(Error::new(
                word.span(),
                "`input` is an expression, as in `input = \"event.data.user\"`, or `envelope` for all that is known of the event",
            )),
            Some(Value::Text(text)) => expression(&text.value())
                .map(InputRule::Expression)
                .map_err(|wrong| Error::new(text.span(), format!("{wrong}: `input = \"event.data.user\"`"))),
        }
    }

    /// Ends the reading: words that nobody asked for are mistakes.
    pub(super) fn finish(self, known: &str) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some((word, _)) => Err(Error::new(word.span(), format!("unknown option: {known}"))),
        }
    }
}

fn expression(text: &str) -> std::result::Result<String, String> {
    if text.trim().is_empty() {
        return Err("an expression may not be empty".to_owned());
    }
    if text.len() > EXPRESSION_BYTES {
        return Err(format!("an expression may have {EXPRESSION_BYTES} bytes"));
    }
    Ok(text.to_owned())
}

/// Where the input of a run comes from that an event starts.
pub(super) enum InputRule {
    ByName,
    Envelope,
    Expression(String),
}

impl InputRule {
    pub(super) fn expand(&self, krate: &TokenStream) -> TokenStream {
        match self {
            Self::ByName => quote!(#krate::InputRule::ByName),
            Self::Envelope => quote!(#krate::InputRule::Envelope),
            Self::Expression(text) => quote!(#krate::InputRule::Expression(#krate::owned(#text))),
        }
    }
}
