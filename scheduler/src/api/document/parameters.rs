//! Parameters that several routes take, with the bounds that are really checked.

use piton_shared::limits::{CALLER_KEY_BYTES, PAGE_DEFAULT, REQUEST_WAIT, STEP_KEY_BYTES};
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder, RefOr, Required, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

use super::shapes;

/// The id of a run in the path.
pub(in crate::api) enum RunInPath {}

/// The id of a batch that was submitted over the API, in the path.
pub(in crate::api) enum BatchInPath {}

/// A batch of a workflow in the path: its run, and its key there.
pub(in crate::api) enum BatchOfRunInPath {}

/// A definition in the path: its kind, and its name.
pub(in crate::api) enum DefinitionInPath {}

/// The name of a schedule in the path.
pub(in crate::api) enum ScheduleInPath {}

/// How long to wait: `wait`.
pub(in crate::api) enum Wait {}

/// `limit` and `cursor` of a list whose pages have `MOST` rows at most.
pub(in crate::api) enum Page<const MOST: u32> {}

/// The header that has what the caller of a change has seen.
pub(in crate::api) enum IfMatch {}

/// The header by which a repeated request is recognised.
pub(in crate::api) enum IdempotencyKey {}

impl IntoParams for RunInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![in_path("id", "The run's id.", uuid())]
    }
}

impl IntoParams for BatchInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![in_path("id", "The batch's id.", uuid())]
    }
}

impl IntoParams for BatchOfRunInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = "The batch's key in its run, percent-encoded: `%23` stands for `#`.";
        vec![in_path("id", "The run's id.", uuid()), in_path("key", key, bounded(STEP_KEY_BYTES))]
    }
}

impl IntoParams for DefinitionInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let kind = <shapes::DefinitionKind as utoipa::PartialSchema>::schema();
        vec![
            in_path("kind", "What kind of definition.", kind),
            in_path("name", "Its name.", shapes::definition().into()),
        ]
    }
}

impl IntoParams for ScheduleInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![in_path("name", "The schedule's name.", shapes::definition().into())]
    }
}

impl IntoParams for Wait {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let most = REQUEST_WAIT.as_secs();
        let description = format!(
            "How long to wait: seconds, or a text like `10s`. Longer than {most} s is cut to that, not refused. Not at all \
             when not said, unless the description names another time."
        );
        vec![in_query("wait", &description, text())]
    }
}

impl<const MOST: u32> IntoParams for Page<MOST> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = shapes::number(1, MOST).default(Some(PAGE_DEFAULT.min(MOST).into()));
        vec![
            in_query("limit", "How many rows the page may have.", limit.into()),
            in_query("cursor", "Where to go on: what an answer of this address named, unchanged.", text()),
        ]
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = format!(
            "A word of the caller's, of at most {CALLER_KEY_BYTES} bytes: the same word and the same body make one run, \
             however often they are sent. It is remembered for a week."
        );
        let mut header = in_header("Idempotency-Key", &description);
        header.schema = Some(bounded(CALLER_KEY_BYTES));
        vec![header]
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The `ETag` with which it was got: nothing is done when it has changed since, and 412 says so. \
                           Without it the last change counts.";
        vec![in_header("If-Match", description)]
    }
}

fn in_path(name: &str, description: &str, schema: RefOr<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn in_query(name: &str, description: &str, schema: RefOr<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn in_header(name: &str, description: &str) -> Parameter {
    let mut parameter = in_query(name, description, text());
    parameter.parameter_in = ParameterIn::Header;
    parameter
}

fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

fn bounded(bytes: usize) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(bytes)).into()
}

fn uuid() -> RefOr<Schema> {
    let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
}
