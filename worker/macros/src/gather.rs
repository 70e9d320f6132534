//! `gather!`: branches by name, and a struct with a field for each.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::{
    Error, Expr, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
};

/// As many as a tuple of branches may have.
const MOST: usize = 12;
const USAGE: &str = "`gather!` names its branches: `gather!(ctx, revenue: fetch_revenue(), users: fetch_users())`";

/// `$crate; ctx, name: branch, …`
struct Gather {
    krate: TokenTree,
    context: Expr,
    branches: Vec<(Ident, Expr)>,
}

impl Parse for Gather {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let krate = input.parse()?;
        input.parse::<Token![;]>()?;
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), USAGE));
        }
        let context = input.parse()?;
        let mut branches = Vec::new();
        let mut names = BTreeSet::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            if !(input.peek(Ident::peek_any) && input.peek2(Token![:]) && !input.peek2(Token![::])) {
                return Err(input.error(USAGE));
            }
            let name = input.call(Ident::parse_any)?;
            check(&name)?;
            if !names.insert(name.unraw().to_string()) {
                return Err(Error::new(name.span(), format!("`{name}` names two branches: give each its own name")));
            }
            input.parse::<Token![:]>()?;
            branches.push((name, input.parse()?));
        }
        match branches.len() {
            0 => Err(Error::new(Span::call_site(), USAGE)),
            1..=MOST => Ok(Self { krate, context, branches }),
            many => {
                let message =
                    format!("`gather!` takes up to {MOST} branches, here are {many}: `ctx.parallel` takes a `Vec`");
                Err(Error::new(Span::call_site(), message))
            }
        }
    }
}

/// The name is part of step keys.
fn check(name: &Ident) -> Result<()> {
    let text = name.unraw().to_string();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && text != "_" {
        return Ok(());
    }
    Err(Error::new(name.span(), "the name of a branch is made of letters, digits and `_`: it stands in the journal"))
}

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let Gather { krate, context, branches } = syn::parse2(input)?;
    let (names, calls): (Vec<_>, Vec<_>) = branches.into_iter().unzip();
    let labels = names.iter().map(|name| name.unraw().to_string());
    let kinds: Vec<_> = (0..names.len()).map(|number| format_ident!("T{number}", span = Span::mixed_site())).collect();
    let values: Vec<_> = (0..names.len()).map(|number| format_ident!("v{number}", span = Span::mixed_site())).collect();
    // Located here, so that no lint of the user's says that a field is not read.
    let fields: Vec<_> = names
        .iter()
        .map(|name| {
            let mut field = name.clone();
            field.set_span(Span::mixed_site().resolved_at(name.span()));
            field
        })
        .collect();
    let gathered = Ident::new("Gathered", Span::mixed_site());
    let (ctx, branches) = (Ident::new("ctx", Span::mixed_site()), Ident::new("branches", Span::mixed_site()));
    // What the user wrote stands outside of the block, so that the struct shadows nothing of theirs.
    Ok(quote! {
        match (&#context, (#(#calls,)*)) {
            (#ctx, #branches) => {
                #[derive(::core::fmt::Debug, ::core::clone::Clone)]
                struct #gathered<#(#kinds),*> { #(#fields: #kinds),* }
                #krate::__private::Gather::__new(
                    #ctx,
                    &[#(#labels),*],
                    #branches,
                    |(#(#values,)*)| #gathered { #(#fields: #values),* },
                    |(#(#values,)*)| #gathered { #(#fields: #values),* },
                )
            }
        }
    })
}
