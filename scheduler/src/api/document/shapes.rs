//! Schemas of what others define: the words of the engine's own enums come from these, so they cannot part.

use piton_shared::{
    limits::{CALLER_KEY_BYTES, EVENT_NAME_BYTES, NAME_BYTES, TAGS, WEBHOOK_PATTERNS, WEBHOOK_SECRET_BYTES},
    message::batch,
    state,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, RefOr, Schema,
        schema::{AdditionalProperties, SchemaType, Type},
    },
};

use crate::api::limits;

macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident = $of:path;)+) => {$(
        $(#[doc = $doc])+
        pub(in crate::api) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = $of.iter().map(|word| word.as_str());
                one_of(words).description(Some(concat!($($doc),+).trim())).into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

words! {
    /// Where a run stands.
    RunState = state::RunState::ALL;
    /// How a batch stands.
    BatchStatus = batch::BatchStatus::ALL;
    /// What the failure of an item means for the others of its batch.
    OnFailure = batch::OnFailure::ALL;
    /// Who signs webhooks.
    Provider = piton_shared::trigger::Provider::ALL;
    /// The hash under a signature.
    HmacAlgorithm = piton_webhook::Algorithm::ALL;
    /// How a signature is written.
    HmacEncoding = piton_webhook::Encoding::ALL;
    /// How a generic endpoint recognizes a repeated delivery.
    DeduplicateBy = piton_webhook::DeduplicateBy::ALL;
    /// What became of a webhook's delivery.
    Verdict = crate::webhook::Verdict::ALL;
    /// A workflow or a function.
    DefinitionKind = piton_shared::message::define::DefinitionKind::ALL;
    /// What a key may do; `admin` includes the others.
    Scope = crate::api::Scope::ALL;
    /// What kind of call a row of a journal answers.
    Kind = piton_shared::journal::Kind::ALL;
}

/// Why something failed.
pub(in crate::api) enum Failure {}

impl ToSchema for Failure {}
impl PartialSchema for Failure {
    fn schema() -> RefOr<Schema> {
        let chain = ArrayBuilder::new().items(text("A cause.")).description(Some("The causes below, outermost first."));
        ObjectBuilder::new()
            .description(Some("Why something failed, and whether another try may help."))
            .property("message", text("What went wrong, for people."))
            .required("message")
            .property("chain", chain)
            .property("cause", one_of(["error", "panic", "timeout", "cancelled"]))
            .required("cause")
            .property("retry", one_of(["retryable", "permanent"]))
            .required("retry")
            .into()
    }
}

/// Why a run needs a person.
pub(in crate::api) enum Parked {}

impl ToSchema for Parked {}
impl PartialSchema for Parked {
    fn schema() -> RefOr<Schema> {
        let codes =
            ["mismatch", "undecodable", "panic", "foreign_await", "limit", "unregistered", "poison"].into_iter();
        ObjectBuilder::new()
            .description(Some("Why a run needs a person. Which members there are depends on the code."))
            .property("code", one_of(codes))
            .required("code")
            .property("detail", text("The reason in a sentence."))
            .required("detail")
            .property("key", text("The call that it is about."))
            .property("recorded", text("What the journal has there."))
            .property("asked", text("What the code asked for there."))
            .property("message", text("What was seen."))
            .property("after", maybe_text("The call that was answered before."))
            .property("name", text("The workflow or function that no worker has."))
            .property(
                "strikes",
                number(1, u32::MAX).description(Some("How often in a row the lease of its worker ended.")),
            )
            .property("step", text("The step, or the item of a batch, that they died with."))
            .into()
    }
}

/// Where a row stands in its journal.
pub(in crate::api) enum Place {}

impl ToSchema for Place {}
impl PartialSchema for Place {
    fn schema() -> RefOr<Schema> {
        let count = || number(0, u32::MAX);
        let own = ObjectBuilder::new()
            .property("number", count().description(Some("Counts own rows from 1.")))
            .required("number")
            .property("after", count().description(Some("Rows from outside that were told before it.")))
            .required("after");
        let outside = ObjectBuilder::new()
            .property("number", count().description(Some("Counts rows from outside from 1.")))
            .required("number");
        // Two members of which one is there: generators know objects better than choices.
        ObjectBuilder::new()
            .description(Some(
                "Where a row stands in the one order in which a run was told its results: `own` or `outside`.",
            ))
            .property("own", own.description(Some("Written by an attempt.")))
            .property("outside", outside.description(Some("Written for something that happened outside the workflow.")))
            .min_properties(Some(1))
            .max_properties(Some(1))
            .into()
    }
}

/// A run taken out of its database.
pub(in crate::api) enum History {}

impl ToSchema for History {}
impl PartialSchema for History {
    fn schema() -> RefOr<Schema> {
        let objects = |about: &str| ArrayBuilder::new().items(any_object()).description(Some(about));
        ObjectBuilder::new()
            .description(Some("A run and its journal as one document, for a replay elsewhere."))
            .property("format", one_of([piton_shared::history::FORMAT]))
            .required("format")
            .property("run", any_object().description(Some("What it is and how it ended.")))
            .required("run")
            .property("journal", objects("What it was told, in that order."))
            .required("journal")
            .property("batches", any_object().description(Some("The results of its batches, by key.")))
            .into()
    }
}

/// An object of another's making.
pub(in crate::api) enum AnyObject {}

impl ToSchema for AnyObject {}
impl PartialSchema for AnyObject {
    fn schema() -> RefOr<Schema> {
        any_object().into()
    }
}

/// A duration as callers may write it.
pub(in crate::api) fn duration() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Null]))
        .description(Some("Seconds, or a text like `10s`, `1h 30m`, `3d`, `1w` or `PT10S`."))
}

/// What [`check_text`](crate::api::fields::check_text) refuses: control characters.
const CLEAN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// The name of a workflow, a function or a schedule.
pub(in crate::api) fn definition() -> ObjectBuilder {
    name().pattern(Some("^[A-Za-z0-9_.-]+$"))
}

/// As [`definition`], or null for none.
pub(in crate::api) fn maybe_definition() -> ObjectBuilder {
    definition().schema_type(SchemaType::from_iter([Type::String, Type::Null]))
}

/// The name of a queue, a build or a webhook: one token of a subject.
pub(in crate::api) fn token() -> ObjectBuilder {
    name().pattern(Some("^[A-Za-z0-9_-]+$"))
}

/// As [`token`], or null for none.
pub(in crate::api) fn maybe_token() -> ObjectBuilder {
    token().schema_type(SchemaType::from_iter([Type::String, Type::Null]))
}

/// The secret of a webhook, or null for one that is made.
pub(in crate::api) fn secret() -> ObjectBuilder {
    maybe_name()
        .min_length(Some(*WEBHOOK_SECRET_BYTES.start()))
        .max_length(Some(*WEBHOOK_SECRET_BYTES.end()))
        .pattern(Some(CLEAN))
}

/// A text of ours: bounded.
pub(in crate::api) fn name() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(NAME_BYTES))
}

/// As [`name`], or null for none.
pub(in crate::api) fn maybe_name() -> ObjectBuilder {
    name().schema_type(SchemaType::from_iter([Type::String, Type::Null]))
}

/// A session's id, or null for none.
pub(in crate::api) fn session() -> ObjectBuilder {
    maybe_name()
        .max_length(Some(CALLER_KEY_BYTES))
        .pattern(Some(CLEAN))
        .description(Some("The session that the run belongs to; not `.` or `..`."))
}

/// The body of a merge patch (RFC 7396): the fields of the body that makes the same, but for those that cannot be changed.
/// What cannot be cleared stays without null there, since who makes it has to say it.
pub(in crate::api) fn change_of<Body: PartialSchema>(fixed: &[&str], about: &str) -> RefOr<Schema> {
    let schema = Body::schema();
    let RefOr::T(Schema::Object(mut body)) = schema else {
        return schema;
    };
    body.required.clear();
    body.properties.retain(|name, _| !fixed.contains(&name.as_str()));
    body.description = Some(about.to_owned());
    RefOr::T(Schema::Object(body))
}

/// One of some words, or null for what it is by default.
pub(in crate::api) fn maybe_one_of<const N: usize>(words: [&'static str; N]) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(words.into_iter().map(Some).chain([None])))
}

/// A short text.
pub(in crate::api) fn sentence() -> ObjectBuilder {
    name().max_length(Some(limits::TEXT_BYTES)).pattern(Some(CLEAN))
}

/// As [`sentence`], or null for none.
pub(in crate::api) fn maybe_sentence() -> ObjectBuilder {
    maybe_name().max_length(Some(limits::TEXT_BYTES)).pattern(Some(CLEAN))
}

/// Tags, or null for none.
pub(in crate::api) fn tags() -> ArrayBuilder {
    let tag = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(limits::TEXT_BYTES))
        .pattern(Some("^[^,\\u0000-\\u001f\\u007f-\\u009f]*$"));
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(tag)
        .max_items(Some(TAGS))
        .description(Some("Words to find it by."))
}

/// Patterns of names of events, or null for none.
pub(in crate::api) fn patterns() -> ArrayBuilder {
    let pattern = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(EVENT_NAME_BYTES));
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(pattern)
        .max_items(Some(WEBHOOK_PATTERNS))
}

/// A whole number within bounds.
pub(in crate::api) fn number(least: u32, most: u32) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most))
}

/// As [`number`], or null for the default.
pub(in crate::api) fn maybe_number(least: u32, most: u32) -> ObjectBuilder {
    number(least, most).schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
}

/// Any JSON.
pub(in crate::api) fn any() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue)
}

/// An object with any members.
pub(in crate::api) fn any_object() -> ObjectBuilder {
    ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

fn text(about: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(about))
}

fn maybe_text(about: &str) -> ObjectBuilder {
    text(about).schema_type(SchemaType::from_iter([Type::String, Type::Null]))
}

fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}
