//! What is asked for when a schedule is made or changed.

use std::{borrow::Cow, time::Duration};

use piton_schedule::{Blame, Rhythm};
use piton_shared::{
    codec,
    journal::Payload,
    limits::{self, CRON_BYTES, JITTER, PAYLOAD_BYTES, TAGS},
    message::{batch::BATCH_RUN, define::DefinitionKind},
    name::{Build, Org, Queue, check_definition},
    trigger::{CatchUp, Overlap},
};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use crate::{
    api::{code::Code, document::shapes, fields::Fields, input, problem::Problem, routes::Door, start::check_tag},
    store::schedule::{Plan, ScheduleState},
};

/// The time zone of expressions that name none.
const UTC: &str = "UTC";

/// What makes a schedule.
#[derive(ToSchema)]
#[schema(as = CreateSchedule)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(super) struct CreateBody {
    /// By which it is known in the org; it cannot be changed.
    #[schema(schema_with = shapes::definition)]
    name: (),
    /// The workflow that it starts.
    #[schema(schema_with = shapes::definition)]
    workflow: (),
    /// When it fires: five fields (minute, hour, day of month, month, day of week), six with the second first, or `@daily` and its
    /// like.
    #[schema(schema_with = cron)]
    expression: (),
    /// The IANA name of the time zone that the expression means. `UTC` by default.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    time_zone: (),
    /// What happens when it fires while its last run goes on. `allow` by default.
    #[schema(schema_with = maybe_overlap, required = false)]
    overlap: (),
    /// What happens to firings that were missed while no scheduler ran. `one` by default.
    #[schema(schema_with = maybe_catch_up, required = false)]
    catch_up: (),
    /// The longest time by which a firing is put off; a day at most, none by default.
    #[schema(schema_with = shapes::duration, required = false)]
    jitter: (),
    /// The input of its runs; null by default.
    #[schema(schema_with = shapes::any, required = false)]
    input: (),
    /// Where its runs go; `default` by default.
    #[schema(schema_with = shapes::maybe_token, required = false)]
    queue: (),
    /// The build that its runs are bound to; none by default.
    #[schema(schema_with = shapes::maybe_token, required = false)]
    build: (),
    #[schema(schema_with = shapes::tags, required = false)]
    tags: (),
    /// Whether it fires from now on; it does by default.
    #[schema(schema_with = maybe_state, required = false)]
    state: (),
}

/// What of a schedule is to be changed.
pub(super) enum ChangeBody {}

impl ToSchema for ChangeBody {
    fn name() -> Cow<'static, str> {
        "ChangeSchedule".into()
    }
}

impl PartialSchema for ChangeBody {
    fn schema() -> RefOr<Schema> {
        let about =
            "What of a schedule is to be changed: what is not said stays, and null puts back what is so by default.";
        shapes::change_of::<CreateBody>(&["name", "state"], about)
    }
}

fn cron() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(CRON_BYTES))
}

fn maybe_overlap() -> ObjectBuilder {
    shapes::maybe_one_of(Overlap::ALL.map(Overlap::as_str))
}

fn maybe_catch_up() -> ObjectBuilder {
    shapes::maybe_one_of(CatchUp::ALL.map(CatchUp::as_str))
}

fn maybe_state() -> ObjectBuilder {
    shapes::maybe_one_of(["active", "paused"])
}

/// A schedule to be made.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) plan: Plan,
    pub(super) state: ScheduleState,
}

/// What is to be changed.
#[derive(Debug, Default)]
#[expect(clippy::option_option, reason = "left out, null and a value are three things in a change")]
pub(super) struct Edit {
    workflow: Option<String>,
    expression: Option<String>,
    time_zone: Option<String>,
    overlap: Option<Overlap>,
    catch_up: Option<CatchUp>,
    jitter: Option<Duration>,
    input: Option<Value>,
    queue: Option<Queue>,
    build: Option<Option<Build>>,
    tags: Option<Vec<String>>,
}

impl Edit {
    /// A plan with these changes; the input is encoded.
    pub(super) fn apply(&self, plan: &Plan) -> Result<Plan, Problem> {
        let or = |new: &Option<String>, old: &str| new.clone().unwrap_or_else(|| old.to_owned());
        Ok(Plan {
            workflow: or(&self.workflow, &plan.workflow),
            queue: self.queue.clone().unwrap_or_else(|| plan.queue.clone()),
            build: self.build.as_ref().unwrap_or(&plan.build).clone(),
            expression: or(&self.expression, &plan.expression),
            time_zone: or(&self.time_zone, &plan.time_zone),
            overlap: self.overlap.unwrap_or(plan.overlap),
            catch_up: self.catch_up.unwrap_or(plan.catch_up),
            jitter: self.jitter.unwrap_or(plan.jitter),
            input: self.input.as_ref().map_or_else(|| Ok(plan.input.clone()), encode)?,
            tags: self.tags.clone().unwrap_or_else(|| plan.tags.clone()),
        })
    }
}

/// Reads a schedule to be made, whose input its workflow takes.
pub(super) async fn create(door: &Door, org: &Org, body: Value) -> Result<Asked, Problem> {
    let mut fields = Fields::new(body)?;
    let name = fields.required_text("name");
    if let Some(Err(error)) = name.as_deref().map(check_definition) {
        fields.fault("/name", error.to_string());
    }
    let mut edit = Edit {
        workflow: fields.required_text("workflow"),
        expression: fields.required_text("expression"),
        ..Edit::default()
    };
    rest(&mut fields, &mut edit);
    let state = fields.checked("state", |word| match word.as_str() {
        "active" => Ok(ScheduleState::Active),
        "paused" => Ok(ScheduleState::Paused),
        other => Err(format!("must be `active` or `paused`, not `{}`", short(other))),
    });
    fields.finish()?;
    let nothing = Plan {
        workflow: String::new(),
        queue: Queue::DEFAULT,
        build: None,
        expression: String::new(),
        time_zone: UTC.into(),
        overlap: Overlap::default(),
        catch_up: CatchUp::default(),
        jitter: Duration::ZERO,
        input: encode(&Value::Null)?,
        tags: Vec::new(),
    };
    let plan = edit.apply(&nothing)?;
    fits(door, org, &plan, None).await?;
    Ok(Asked { name: name.unwrap_or_default(), plan, state: state.unwrap_or(ScheduleState::Active) })
}

/// Reads what is to be changed.
pub(super) fn change(body: Value) -> Result<Edit, Problem> {
    let mut fields = Fields::new(body)?;
    fields.never_null(&["workflow", "expression"]);
    let mut edit = Edit { workflow: fields.text("workflow"), expression: fields.text("expression"), ..Edit::default() };
    rest(&mut fields, &mut edit);
    fields.finish()?;
    Ok(edit)
}

/// The fields that are the same in both; an expression and a time zone are read together.
fn rest(fields: &mut Fields, edit: &mut Edit) {
    if let Some(Err(error)) = edit.workflow.as_deref().map(check_definition) {
        fields.fault("/workflow", error.to_string());
    }
    if edit.workflow.as_deref() == Some(BATCH_RUN) {
        fields.fault("/workflow", "is no workflow that a worker has");
    }
    edit.time_zone = fields.patched("time_zone", UTC.into(), |fields| {
        fields.checked("time_zone", |zone| Rhythm::parse("@daily", &zone).map(|rhythm| rhythm.time_zone().to_owned()))
    });
    if let Some(Err(error)) = edit.expression.as_deref().map(|expression| Rhythm::parse(expression, UTC)) {
        debug_assert_eq!(error.blames(), Blame::Expression, "every build knows UTC");
        fields.fault("/expression", error.to_string());
    }
    edit.overlap = fields.patched("overlap", Overlap::default(), |fields| {
        fields.checked("overlap", |word| one_of(&word, &Overlap::ALL, Overlap::as_str))
    });
    edit.catch_up = fields.patched("catch_up", CatchUp::default(), |fields| {
        fields.checked("catch_up", |word| one_of(&word, &CatchUp::ALL, CatchUp::as_str))
    });
    edit.jitter = fields.patched("jitter", Duration::ZERO, |fields| fields.duration("jitter"));
    if edit.jitter.is_some_and(|jitter| jitter > JITTER) {
        fields.fault("/jitter", "may be a day at most");
    }
    edit.input = fields.any("input");
    edit.queue = fields.patched("queue", Queue::DEFAULT, |fields| fields.checked("queue", Queue::new));
    edit.build = fields.patched("build", None, |fields| fields.checked("build", Build::new).map(Some));
    // One place is for the tag that names the schedule.
    edit.tags = fields.patched("tags", Vec::new(), |fields| {
        let said = fields.has("tags");
        let tags = fields.texts("tags", TAGS - 1, check_tag);
        said.then_some(tags)
    });
}

/// Refuses a plan whose input its workflow does not take, as far as workers have spoken of it; not where its key has made its
/// run before.
pub(super) async fn fits(door: &Door, org: &Org, plan: &Plan, key: Option<&str>) -> Result<(), Problem> {
    let known = door.in_time(door.engine.definitions().workflow(org, &plan.workflow)).await?;
    let Some((known, input)) = known.zip(codec::to_json(&plan.input).ok()) else {
        return Ok(());
    };
    let faults = known.check(plan.build.as_ref(), &input);
    let faults = input::within("/input", faults).collect();
    input::admit(door, org, key, (DefinitionKind::Workflow, &plan.workflow), faults).await
}

fn one_of<T: Copy>(word: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|one| name(*one) == word).ok_or_else(|| {
        let words: Vec<_> = all.iter().map(|one| format!("`{}`", name(*one))).collect();
        format!("must be one of {}, not `{}`", words.join(", "), short(word))
    })
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

fn encode(input: &Value) -> Result<Payload, Problem> {
    codec::from_json(input).map_err(|error| {
        let detail = format!("the input cannot be stored: {error}; a payload may have {PAYLOAD_BYTES} bytes");
        Problem::new(Code::InvalidPayload, detail).at("/input", error.to_string())
    })
}

const _: () = assert!(limits::TAGS > 1);
