//! What each parameter of a function or workflow is.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::{
    Attribute, Error, FnArg, GenericArgument, Pat, PatType, PathArguments, PathSegment, Result, Signature, Type,
    TypeReference,
};

use crate::Kind;

/// The most inputs a definition may have.
const INPUTS: usize = 12;

/// How one parameter is filled when the body is called.
pub(crate) enum Parameter {
    Context,
    Resource(Box<Type>),
    Input(Box<Input>),
}

/// A parameter that the caller gives and the journal keeps.
pub(crate) struct Input {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// `#[serde(…)]` on it.
    pub(crate) serde: Vec<Attribute>,
}

/// Reads the parameters in order, and takes the attributes that are ours off the signature.
pub(crate) fn read(kind: Kind, signature: &mut Signature) -> Result<Vec<Parameter>> {
    let end = signature.paren_token.span.close();
    let mut parameters = Vec::new();
    let mut context = false;
    let mut inputs = 0;
    for argument in &mut signature.inputs {
        let FnArg::Typed(argument) = argument else {
            return Err(Error::new_spanned(
                argument,
                "functions and workflows stand alone: remove `self`, and take what it holds as an input or as `Resource<T>`",
            ));
        };
        let parameter = classify(kind, argument)?;
        match &parameter {
            Parameter::Context if context => {
                return Err(Error::new_spanned(argument, "the context is taken twice: remove one"));
            }
            Parameter::Context => context = true,
            Parameter::Resource(_) => {}
            Parameter::Input(_) => {
                inputs += 1;
                if inputs > INPUTS {
                    return Err(Error::new_spanned(
                        argument,
                        format!("at most {INPUTS} inputs: put them into one struct, which can also grow"),
                    ));
                }
            }
        }
        parameters.push(parameter);
    }
    if kind == Kind::Workflow && !context {
        return Err(Error::new(end, "a workflow takes `ctx: &WorkflowContext`: all it does goes through it"));
    }
    Ok(parameters)
}

fn classify(kind: Kind, argument: &mut PatType) -> Result<Parameter> {
    let ty = &argument.ty;
    if let Type::Reference(reference) = &**ty {
        return lent(kind, reference);
    }
    if let Type::ImplTrait(_) = &**ty {
        return Err(Error::new_spanned(ty, "an input has one type on the wire: name it instead of `impl Trait`"));
    }
    match last_segment(ty).map(|segment| Ours::of(kind, segment)) {
        Some(Ours::Context) => {
            Err(Error::new_spanned(ty, format!("the context is lent: take `ctx: &{}`", kind.context())))
        }
        Some(Ours::OtherContext) => Err(other_context(kind, ty)),
        Some(Ours::Resource) => match kind {
            Kind::Function => Ok(Parameter::Resource(argument.ty.clone())),
            Kind::Workflow => Err(Error::new_spanned(
                ty,
                "a workflow is replayed, so it touches nothing outside: take the resource in a `#[function]`, and call that with `ctx.step`",
            )),
        },
        Some(Ours::Not) | None => input(argument),
    }
}

/// A reference: the context, or a mistake.
fn lent(kind: Kind, reference: &TypeReference) -> Result<Parameter> {
    match last_segment(&reference.elem).map(|segment| Ours::of(kind, segment)) {
        Some(Ours::Context) if reference.mutability.is_some() => {
            Err(Error::new_spanned(reference, format!("the context is shared: take `ctx: &{}`", kind.context())))
        }
        Some(Ours::Context) => Ok(Parameter::Context),
        Some(Ours::OtherContext) => Err(other_context(kind, reference)),
        Some(Ours::Resource) => {
            Err(Error::new_spanned(reference, "a resource is a shared handle already: take it by value, `Resource<T>`"))
        }
        Some(Ours::Not) | None => Err(Error::new_spanned(
            reference,
            "inputs are journaled and read in other processes: take an owned value, such as `String` for `&str`",
        )),
    }
}

fn other_context(kind: Kind, ty: impl ToTokens) -> Error {
    Error::new_spanned(ty, format!("a {} takes `ctx: &{}`", kind.word(), kind.context()))
}

fn input(argument: &mut PatType) -> Result<Parameter> {
    let (serde, rest) = std::mem::take(&mut argument.attrs)
        .into_iter()
        .partition(|attribute: &Attribute| attribute.path().is_ident("serde"));
    argument.attrs = rest;
    Ok(Parameter::Input(Box::new(Input { name: name(&argument.pat)?, ty: (*argument.ty).clone(), serde })))
}

/// A parameter's name; patterns have none.
fn name(pattern: &Pat) -> Result<Ident> {
    if let Pat::Ident(pattern) = pattern
        && pattern.by_ref.is_none()
        && pattern.subpat.is_none()
    {
        // The expansion's own, at the user's place: else a lint takes our use of `_unused` for the user's.
        let mut name = pattern.ident.clone();
        name.set_span(name.span().resolved_at(Span::mixed_site()));
        return Ok(name);
    }
    Err(Error::new_spanned(
        pattern,
        "give the parameter a name and take it apart inside: callers and the journal know it by its name",
    ))
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    let Type::Path(path) = ty else { return None };
    path.path.segments.last()
}

/// The types that are recognised by their names, since an attribute sees nothing else.
enum Ours {
    Context,
    /// The context of the other attribute.
    OtherContext,
    /// `Resource<T>`. A type of the user's that is called `Resource` and has no parameter is an input.
    Resource,
    Not,
}

impl Ours {
    fn of(kind: Kind, segment: &PathSegment) -> Self {
        let PathSegment { ident, arguments, .. } = segment;
        if ident == kind.context() {
            Self::Context
        } else if ident == "FunctionContext" || ident == "WorkflowContext" {
            Self::OtherContext
        } else if ident == "Resource" && has_one_type(arguments) {
            Self::Resource
        } else {
            Self::Not
        }
    }
}

fn has_one_type(arguments: &PathArguments) -> bool {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return false;
    };
    arguments.args.len() == 1 && matches!(arguments.args.first(), Some(GenericArgument::Type(_)))
}
