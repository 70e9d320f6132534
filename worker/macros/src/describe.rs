//! What a definition says of itself: documentation, inputs, result, triggers.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, Meta, Result, Token, punctuated::Punctuated};

use crate::{inputs::wire_name, options::Options, parameter::Input};

/// The function `describe` of a definition.
pub(crate) fn describe(
    krate: &TokenStream,
    options: &Options,
    attributes: &[Attribute],
    inputs: &[&Input],
    output: &TokenStream,
) -> Result<TokenStream> {
    let documentation = attributes.iter().filter_map(documentation);
    let inputs = inputs.iter().map(|input| described(krate, input)).collect::<Result<Vec<_>>>()?;
    let triggers = options.triggers(krate);
    Ok(quote! {
        fn describe() -> #krate::Description {
            use #krate::{Described as _, Omissible as _, Owed as _, Undescribed as _};

            #krate::Description::new(&[#(#documentation),*])
                #(#inputs)*
                .output(#krate::Probe::<#output>::ASKED.schema())
                #triggers
        }
    })
}

/// What one line of documentation says; it may be made by a macro.
fn documentation(attribute: &Attribute) -> Option<&Expr> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => Some(&pair.value),
        Meta::NameValue(_) | Meta::Path(_) | Meta::List(_) => None,
    }
}

fn described(krate: &TokenStream, input: &Input) -> Result<TokenStream> {
    let ty = &input.ty;
    let serde = Serde::read(&input.serde)?;
    let name = serde.name.unwrap_or_else(|| wire_name(&input.name));
    let presence = match serde.presence {
        Presence::AsTyped => quote!(#krate::Probe::<#ty>::ASKED.presence()),
        Presence::Required => quote!(#krate::Presence::Required),
        Presence::Optional => quote!(#krate::Presence::Optional),
    };
    let reading = match serde.reading {
        Reading::Plain => quote!(#krate::Reading::Plain),
        Reading::Aliased => quote!(#krate::Reading::Aliased),
        Reading::Free => quote!(#krate::Reading::Free),
    };
    let schema = match serde.schema {
        Schema::OfType => quote!(#krate::Probe::<#ty>::ASKED.schema()),
        Schema::Unknown => quote!(#krate::Option::None),
    };
    Ok(quote!(.input(#name, #presence, #reading, #schema)))
}

/// What `#[serde(…)]` on an input changes of how it is read.
struct Serde {
    name: Option<String>,
    presence: Presence,
    reading: Reading,
    schema: Schema,
}

/// Whether it may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// If serde can read its type from nothing.
    AsTyped,
    Required,
    Optional,
}

/// From where it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Plain,
    Aliased,
    Free,
}

/// Whether its type says what can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schema {
    OfType,
    Unknown,
}

impl Serde {
    fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut serde =
            Self { name: None, presence: Presence::AsTyped, reading: Reading::Plain, schema: Schema::OfType };
        for attribute in attributes {
            for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
                serde.note(&meta);
            }
        }
        Ok(serde)
    }

    fn note(&mut self, meta: &Meta) {
        let word = meta.path().get_ident().map(ToString::to_string).unwrap_or_default();
        match word.as_str() {
            "default" => self.presence = Presence::Optional,
            "alias" => self.reading = self.reading.wider(Reading::Aliased),
            "rename" => match text(meta) {
                Some(name) => self.name = Some(name),
                // One name to read and another to write.
                None => self.reading = Reading::Free,
            },
            "with" | "deserialize_with" => {
                self.schema = Schema::Unknown;
                // Serde asks for it then, whatever its type.
                if self.presence == Presence::AsTyped {
                    self.presence = Presence::Required;
                }
            }
            "flatten" | "skip" | "skip_deserializing" => self.reading = Reading::Free,
            // The rest says how it is written.
            _ => {}
        }
    }
}

impl Reading {
    fn wider(self, other: Self) -> Self {
        if self == Self::Free { self } else { other }
    }
}

fn text(meta: &Meta) -> Option<String> {
    let Meta::NameValue(pair) = meta else { return None };
    let Expr::Lit(literal) = &pair.value else { return None };
    let syn::Lit::Str(text) = &literal.lit else { return None };
    Some(text.value())
}
