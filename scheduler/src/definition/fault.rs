//! What a validator says, for people: which field, what it may be, what it is.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};

use super::words::{instead, kind, one_of, quoted, shown, wanted};
use crate::api::FieldError;

/// The faults that an error stands for: one, or one for each field that is to blame.
pub(super) fn faults(error: &ValidationError<'_>) -> Vec<FieldError> {
    let here = error.instance_path().as_str();
    let value = error.instance().as_ref();
    let at = |pointer: String, detail: String| vec![FieldError { pointer, detail }];
    let said = |detail: String| at(here.to_owned(), detail);
    match error.kind() {
        Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. } => said(instead(&one_of(choices(error)), value)),
        Kind::Required { property } => at(below(here, property.as_str().unwrap_or_default()), "is missing".to_owned()),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|name| FieldError { pointer: below(here, name), detail: "is unknown here".to_owned() })
            .collect(),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => none_of(error, context),
        Kind::OneOfMultipleValid { .. } => said("may be read in several ways".to_owned()),
        Kind::Custom { message, .. } => said(message.clone()),
        Kind::Minimum { limit } => said(instead(&format!("at least {limit}"), value)),
        Kind::Maximum { limit } => said(instead(&format!("at most {limit}"), value)),
        Kind::ExclusiveMinimum { limit } => said(instead(&format!("more than {limit}"), value)),
        Kind::ExclusiveMaximum { limit } => said(instead(&format!("less than {limit}"), value)),
        Kind::MinItems { limit } => said(counted("element", "at least", *limit)),
        Kind::MaxItems { limit } => said(counted("element", "at most", *limit)),
        Kind::AdditionalItems { limit } => said(counted("element", "at most", *limit as u64)),
        Kind::MinLength { limit } => said(counted("character", "at least", *limit)),
        Kind::MaxLength { limit } => said(counted("character", "at most", *limit)),
        Kind::MinProperties { limit } => said(counted("member", "at least", *limit)),
        Kind::MaxProperties { limit } => said(counted("member", "at most", *limit)),
        Kind::MultipleOf { multiple_of } => said(instead(&format!("a multiple of {multiple_of}"), value)),
        Kind::Pattern { pattern } => said(format!("must match {}, which {} does not", quoted(pattern), shown(value))),
        Kind::UniqueItems => said("has an element twice".to_owned()),
        Kind::PropertyNames { error } => said(format!("has a member whose name is wrong: {error}")),
        Kind::FalseSchema => said("may not be there".to_owned()),
        Kind::Not { .. }
        | Kind::Contains
        | Kind::ContentEncoding { .. }
        | Kind::ContentMediaType { .. }
        | Kind::Format { .. }
        | Kind::FromUtf8 { .. }
        | Kind::BacktrackLimitExceeded { .. }
        | Kind::RegexEngineFailure { .. }
        | Kind::UnevaluatedItems { .. }
        | Kind::Referencing(_) => said(error.to_string()),
    }
}

fn counted(what: &str, bound: &str, limit: u64) -> String {
    let plural = if limit == 1 { "" } else { "s" };
    format!("must have {bound} {limit} {what}{plural}")
}

/// The pointer of a member.
fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// What would have been right by an error about a whole value.
fn choices(error: &ValidationError<'_>) -> Vec<String> {
    if let Kind::Type { kind: TypeKind::Single(one) } = error.kind() {
        vec![kind(*one).to_owned()]
    } else if let Kind::Type { kind: TypeKind::Multiple(several) } = error.kind() {
        several.iter().map(|one| kind(one).to_owned()).collect()
    } else if let Kind::Constant { expected_value } = error.kind() {
        vec![wanted(expected_value)]
    } else if let Kind::Enum { options } = error.kind() {
        options.as_array().into_iter().flatten().map(wanted).collect()
    } else {
        Vec::new()
    }
}

/// A value that fits none of several forms: by the one that was meant, if it shows which that is.
fn none_of(error: &ValidationError<'_>, forms: &[Vec<ValidationError<'static>>]) -> Vec<FieldError> {
    let here = error.instance_path().as_str();
    let possible: Vec<_> = forms.iter().filter(|errors| !errors.iter().any(|error| excludes(error, here))).collect();
    let meant = match possible.as_slice() {
        [one] => Some(*one),
        several => {
            let mut deep = several.iter().filter(|errors| errors.iter().all(|error| depth(error, here) > 0));
            deep.next().filter(|_| deep.next().is_none()).copied()
        }
    };
    if let Some(errors) = meant {
        return errors.iter().flat_map(faults).collect();
    }
    if possible.is_empty()
        && let Some(fault) = by_choice(error, forms)
    {
        return vec![fault];
    }
    vec![FieldError {
        pointer: here.to_owned(),
        detail: format!("fits none of the {} forms that it may have", forms.len()),
    }]
}

/// Whether an error says that a form is not the one that was meant: another type, or the tag of another variant.
fn excludes(error: &ValidationError<'_>, here: &str) -> bool {
    let furthest = if matches!(error.kind(), Kind::Type { .. }) {
        0
    } else if matches!(error.kind(), Kind::Constant { .. } | Kind::Enum { .. }) {
        1
    } else {
        return false;
    };
    depth(error, here) <= furthest
}

fn depth(error: &ValidationError<'_>, here: &str) -> usize {
    error.instance_path().as_str().strip_prefix(here).map_or(0, |rest| rest.matches('/').count())
}

/// Every form excludes itself at one place: what that may be.
fn by_choice(error: &ValidationError<'_>, forms: &[Vec<ValidationError<'static>>]) -> Option<FieldError> {
    let here = error.instance_path().as_str();
    let excluding: Vec<_> =
        forms.iter().map(|errors| errors.iter().find(|error| excludes(error, here))).collect::<Option<_>>()?;
    let first = excluding.first()?;
    if excluding.iter().any(|other| other.instance_path() != first.instance_path()) {
        return None;
    }
    let may_be = one_of(excluding.iter().flat_map(|error| choices(error)).collect());
    Some(FieldError {
        pointer: first.instance_path().as_str().to_owned(),
        detail: instead(&may_be, first.instance().as_ref()),
    })
}
