//! How inputs look on the wire: nothing is null, one is its bare value, several are an object by name.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, Result, ext::IdentExt, spanned::Spanned};

use crate::parameter::Input;

/// The tokens that deal with the inputs of one definition.
pub(crate) struct Wire {
    /// Items to declare.
    pub(crate) items: TokenStream,
    /// The type of `Definition::Input`.
    pub(crate) ty: TokenStream,
    /// Makes it of the caller's arguments; as a pattern, takes it apart again.
    pub(crate) value: TokenStream,
    /// The caller's arguments again: nothing, the one, or a tuple.
    pub(crate) arguments: TokenStream,
}

pub(crate) fn wire(krate: &TokenStream, inputs: &[&Input]) -> Result<Wire> {
    match inputs {
        [] => Ok(Wire { items: TokenStream::new(), ty: quote!(()), value: quote!(()), arguments: quote!(()) }),
        [input] => {
            if let Some(attribute) = input.serde.first() {
                return Err(Error::new_spanned(
                    attribute,
                    "a single input is journaled as its bare value, without a field: put this on its type",
                ));
            }
            let (ty, name) = (&input.ty, &input.name);
            Ok(Wire { items: TokenStream::new(), ty: quote!(#ty), value: quote!(#name), arguments: quote!(#name) })
        }
        _ => Ok(object(krate, inputs)),
    }
}

/// Several inputs: a struct with a field per parameter.
///
/// The struct is generic over its fields, so that what serde derives is right whatever they are; a type that
/// cannot be journaled is reported by our own bound, once, in our words and not with all that serde implements.
fn object(krate: &TokenStream, inputs: &[&Input]) -> Wire {
    let names: Vec<_> = inputs.iter().map(|input| &input.name).collect();
    let fields: Vec<_> = inputs.iter().enumerate().map(|(index, input)| Field::new(index, input)).collect();
    let (attributes, types): (Vec<_>, Vec<_>) = fields.iter().map(|field| (&field.attributes, &field.ty)).unzip();
    let (parameters, arguments): (Vec<_>, Vec<_>) = fields.iter().filter_map(|field| field.generic.clone()).unzip();
    let checks = arguments.iter().map(|ty| quote_spanned!(ty.span()=> #krate::journaled::<#ty>();));
    let serde_crate = format!("{krate}::serde");
    let items = quote! {
        #[derive(#krate::serde::Serialize, #krate::serde::Deserialize)]
        #[serde(crate = #serde_crate)]
        struct __PitonInputs<#(#parameters),*> {
            #(#attributes #names: #types,)*
        }

        const _: () = {
            #(#checks)*
        };
    };
    Wire {
        items,
        ty: quote!(__PitonInputs<#(#arguments),*>),
        value: quote!(__PitonInputs { #(#names),* }),
        arguments: quote!((#(#names),*)),
    }
}

/// One field of the struct.
struct Field {
    attributes: TokenStream,
    ty: TokenStream,
    /// The type parameter that stands for its type, and that type.
    generic: Option<(Ident, TokenStream)>,
}

impl Field {
    fn new(index: usize, input: &Input) -> Self {
        let given = &input.ty;
        if input.serde.is_empty() {
            let parameter = format_ident!("__PitonT{index}");
            return Self {
                attributes: TokenStream::new(),
                ty: quote!(#parameter),
                generic: Some((parameter, quote!(#given))),
            };
        }
        // `with` and `default = "…"` name functions of this very type.
        let attributes = &input.serde;
        Self { attributes: quote!(#(#attributes)*), ty: quote!(#given), generic: None }
    }
}

/// A name as it stands on the wire, without the `r#` of a raw identifier.
pub(crate) fn wire_name(ident: &Ident) -> String {
    ident.unraw().to_string()
}
