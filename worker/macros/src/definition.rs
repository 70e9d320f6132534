//! What an attribute leaves in place of the `async fn`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, GenericArgument, ItemFn, LitStr, PathArguments, Result, ReturnType, Signature, Type, Visibility,
    parse_quote, spanned::Spanned,
};

use crate::{
    Kind, describe,
    inputs::{self, Wire},
    options::{self, Options},
    parameter::{self, Input, Parameter},
};

pub(crate) fn expand(kind: Kind, attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(kind, attribute)?;
    let mut item: ItemFn = syn::parse2(item.clone())
        .map_err(|_| Error::new_spanned(item, format!("`#[{}]` stands on an `async fn` with a body", kind.word())))?;
    check_shape(kind, &item.sig)?;
    let parameters = parameter::read(kind, &mut item.sig)?;
    let krate = krate(&options);
    let name = wire_name(&options, &item.sig.ident)?;
    let output = output(&krate, &item.sig)?;
    let inputs: Vec<&Input> = parameters
        .iter()
        .filter_map(|parameter| match parameter {
            Parameter::Input(input) => Some(&**input),
            Parameter::Context | Parameter::Resource(_) => None,
        })
        .collect();
    let wire = inputs::wire(&krate, &inputs)?;

    let description = describe::describe(&krate, &options, &item.attrs, &inputs, &output)?;
    let (outer, inner) = std::mem::take(&mut item.attrs).into_iter().partition(belongs_outside);
    let outer: Vec<Attribute> = outer;
    let implementation = match kind {
        Kind::Function => function(&krate, &options, &parameters, &wire, &item.sig.ident),
        Kind::Workflow => workflow(&krate, &parameters, &wire, &item.sig.ident),
    };
    let registration = match kind {
        Kind::Function => quote!(#krate::Registration::function::<Self>()),
        Kind::Workflow => quote!(#krate::Registration::workflow::<Self>()),
    };
    let bound = match kind {
        Kind::Function => quote!(#krate::Function),
        Kind::Workflow => quote!(#krate::Workflow),
    };

    let Wire { items, ty: input, value, arguments } = &wire;
    let ident = &item.sig.ident;
    let (names, types): (Vec<_>, Vec<_>) = inputs.iter().map(|input| (&input.name, &input.ty)).unzip();
    let visibility = item.vis.clone();
    let body = body(&item, inner);
    let call = quote_spanned!(ident.span()=> #krate::Call<impl #bound<Output = #output>>);
    Ok(quote! {
        #(#outer)*
        #visibility fn #ident(#(#names: #types),*) -> #call {
            #items

            #body

            struct __PitonDefinition;

            #[diagnostic::do_not_recommend]
            impl #krate::Definition for __PitonDefinition {
                const NAME: &'static #krate::Text = #name;
                type Input = #input;
                type Output = #output;

                fn registration() -> #krate::Registration {
                    #registration
                }

                #description

                fn arguments(#value: Self::Input) -> #krate::Arguments {
                    #krate::arguments(#arguments)
                }
            }

            #implementation

            #krate::Call::<__PitonDefinition>::__new(#value)
        }
    })
}

/// The user's function, moved inside: its attributes but for those that belong to the outside.
fn body(item: &ItemFn, attributes: Vec<Attribute>) -> ItemFn {
    let mut body = item.clone();
    body.attrs = attributes;
    // What these ask for, the attribute refuses: a body is asynchronous, and its inputs are owned.
    body.attrs.push(parse_quote!(#[allow(clippy::unused_async, clippy::needless_pass_by_value)]));
    body.vis = Visibility::Inherited;
    body.sig.ident = body_ident(&item.sig.ident);
    body
}

fn body_ident(ident: &Ident) -> Ident {
    format_ident!("__piton_body", span = ident.span())
}

fn function(
    krate: &TokenStream,
    options: &Options,
    parameters: &[Parameter],
    wire: &Wire,
    ident: &Ident,
) -> TokenStream {
    let context = Ident::new("__piton_context", Span::mixed_site());
    let resources = Ident::new("__piton_resources", Span::mixed_site());
    let arguments = parameters.iter().map(|parameter| match parameter {
        Parameter::Context => quote!(&#context),
        Parameter::Resource(ty) => {
            quote_spanned!(ty.span()=> #krate::injected::<#ty>(&#resources)?)
        }
        Parameter::Input(input) => {
            let name = &input.name;
            quote!(#name)
        }
    });
    let needed = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Resource(ty) => Some(quote_spanned!(ty.span()=> #krate::need::<#ty>())),
        Parameter::Context | Parameter::Input(_) => None,
    });
    let defaults = options.defaults(krate);
    let (pattern, body) = (&wire.value, body_ident(ident));
    let boxed = quote_spanned!(ident.span()=> #krate::boxed);
    quote! {
        #[diagnostic::do_not_recommend]
        impl #krate::Function for __PitonDefinition {
            const DEFAULTS: #krate::Defaults = #defaults;

            fn needs() -> #krate::Needs {
                #krate::Needs::from([#(#needed),*])
            }

            fn call(
                #context: #krate::FunctionContext,
                #resources: #krate::Resources,
                #pattern: Self::Input,
            ) -> #krate::BoxFuture<'static, #krate::Result<Self::Output>> {
                #boxed(async move { #krate::Outcome::into_outcome(#body(#(#arguments),*).await) })
            }
        }
    }
}

fn workflow(krate: &TokenStream, parameters: &[Parameter], wire: &Wire, ident: &Ident) -> TokenStream {
    let context = Ident::new("__piton_context", Span::mixed_site());
    let arguments = parameters.iter().map(|parameter| match parameter {
        Parameter::Context | Parameter::Resource(_) => quote!(&#context),
        Parameter::Input(input) => {
            let name = &input.name;
            quote!(#name)
        }
    });
    let (pattern, body) = (&wire.value, body_ident(ident));
    let boxed = quote_spanned!(ident.span()=> #krate::boxed);
    quote! {
        #[diagnostic::do_not_recommend]
        impl #krate::Workflow for __PitonDefinition {
            fn call(
                #context: #krate::WorkflowContext,
                #pattern: Self::Input,
            ) -> #krate::BoxFuture<'static, #krate::Result<Self::Output>> {
                #boxed(async move { #krate::Outcome::into_outcome(#body(#(#arguments),*).await) })
            }
        }
    }
}

fn check_shape(kind: Kind, signature: &Signature) -> Result<()> {
    let word = kind.word();
    if signature.asyncness.is_none() {
        return Err(Error::new(signature.fn_token.span, format!("a {word} is asynchronous: write `async fn`")));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            format!("a {word} has one wire type: remove the generics, and write one {word} for each type"),
        ));
    }
    if let Some(clause) = &signature.generics.where_clause {
        return Err(Error::new_spanned(clause, format!("a {word} has one wire type: remove the `where`")));
    }
    if let Some(token) = &signature.constness {
        return Err(Error::new_spanned(token, format!("a {word} is a plain `async fn`: remove `const`")));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(abi, format!("a {word} is a plain `async fn`: remove `extern`")));
    }
    if let Some(variadic) = &signature.variadic {
        return Err(Error::new_spanned(variadic, format!("a {word} has a fixed number of inputs")));
    }
    Ok(())
}

/// Where the expansion finds what it names.
fn krate(options: &Options) -> TokenStream {
    let krate = options.krate.clone().unwrap_or_else(|| parse_quote!(::piton));
    quote!(#krate::__private)
}

fn wire_name(options: &Options, ident: &Ident) -> Result<LitStr> {
    if let Some(name) = &options.name {
        return Ok(name.clone());
    }
    let name = inputs::wire_name(ident);
    match options::check_name(&name, &['.']) {
        Ok(()) => Ok(LitStr::new(&name, ident.span())),
        Err(problem) => Err(Error::new(ident.span(), format!("{problem}; give it another with `name = \"…\"`"))),
    }
}

/// The type of a success. `Result<T, …>` is read, so that `T` is what people see; an alias is asked.
fn output(krate: &TokenStream, signature: &Signature) -> Result<TokenStream> {
    let returned = match &signature.output {
        ReturnType::Type(_, ty) => ty,
        ReturnType::Default => {
            return Err(Error::new(
                signature.paren_token.span.close(),
                "say how it can end: `-> Result<()>`, or `-> Result<T>` for a value",
            ));
        }
    };
    match (&**returned, written(returned)) {
        (Type::ImplTrait(_), _) => {
            Err(Error::new_spanned(returned, "a result has one type on the wire: name it instead of `impl Trait`"))
        }
        (_, Some(Type::ImplTrait(ty))) => {
            Err(Error::new_spanned(ty, "a result has one type on the wire: name it instead of `impl Trait`"))
        }
        (_, Some(Type::Reference(ty))) => {
            Err(Error::new_spanned(ty, "a result is journaled and read in another process: return an owned value"))
        }
        (_, Some(ok)) => Ok(quote!(#ok)),
        (ty, None) => Ok(quote_spanned!(ty.span()=> <#ty as #krate::Outcome>::Ok)),
    }
}

/// The `T` of a written `Result<T, …>`.
fn written(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let GenericArgument::Type(ok) = arguments.args.first()? else {
        return None;
    };
    Some(ok)
}

/// Attributes that say something about the item as a whole, lints included: they reach what is inside.
fn belongs_outside(attribute: &Attribute) -> bool {
    ["doc", "cfg", "deprecated", "allow", "expect", "warn", "deny", "forbid"]
        .iter()
        .any(|name| attribute.path().is_ident(name))
}
