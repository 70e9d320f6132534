//! Definitions: what workers say of their functions and workflows.

use std::{collections::BTreeMap, time::Duration};

use piton_shared::{
    codec, limits,
    message::define::{Define, Definition, DefinitionKind, Parameter},
    name::Org,
    time::Timestamp,
    trigger::Trigger,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{Declaration, Store, StoreError, trigger, value};

/// Builds that a list names of each definition.
const BUILDS_NAMED: i64 = 10;

/// What is known of a definition, of one build or of the one that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionRow {
    /// What it does, for people.
    pub description: String,
    /// Its inputs, in their order.
    pub parameters: Vec<Parameter>,
    /// JSON Schema of its input.
    pub input_schema: String,
    /// JSON Schema of its result.
    pub output_schema: String,
    /// What starts it, as declared.
    pub triggers: Vec<Trigger>,
    /// When the process started that said so.
    pub since: Timestamp,
    /// When it was said first.
    pub first_seen_at: Timestamp,
    /// When it was said last.
    pub seen_at: Timestamp,
    /// Live workers that have it.
    pub workers: i64,
}

/// A definition as one build has it.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildRow {
    /// The build; empty of workers that name none.
    pub build: String,
    /// What was said.
    pub definition: DefinitionRow,
}

/// A definition as a list shows it: by the build that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRow {
    /// Function or workflow.
    pub kind: DefinitionKind,
    /// Its name.
    pub name: String,
    /// The builds that were rolled out last, the one that counts first; empty of workers that name none.
    pub builds: Vec<String>,
    /// What the first of them said, and the live workers of all of them.
    pub counting: DefinitionRow,
}

/// The last definition of a page: the next begins after it.
pub type DefinitionCursor = (DefinitionKind, String);

impl Store {
    /// Writes a page of definitions, and what is declared to start them, in one commit. None when the org is unknown.
    pub async fn define(&self, define: &Define) -> Result<Option<()>, StoreError> {
        // It may wait for the locks of schedules, as changes of schedules do.
        let _turn = self.schedule_turns.acquire().await.expect("it is never closed");
        let mut tx = self.calm.begin().await.map_err(StoreError::new("define"))?;
        let now: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(include_str!("sql/definition_begin.sql"))
            .bind(define.org.as_str())
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::new("definition_begin"))?;
        let Some(now) = now else {
            return Ok(None);
        };
        // A clock that goes ahead must not keep out everybody who starts until its time has come.
        let since = define.since.min(value::from(now));
        // In one order, whoever writes: two processes that say the same wait for each other and never both.
        let mut definitions: Vec<_> = define.definitions.iter().collect();
        definitions.sort_by_key(|definition| (definition.kind, &definition.name));
        let mut all_written = Vec::with_capacity(definitions.len());
        for definition in &definitions {
            all_written.push(write(&mut tx, define, since, definition).await?);
        }
        let mut changed = false;
        for (definition, written) in definitions.iter().zip(all_written) {
            // A later process of the same build has said what starts it.
            let (DefinitionKind::Workflow, Some(written)) = (definition.kind, written) else { continue };
            changed |= written.inputs == Inputs::Changed;
            let declaration = Declaration {
                org: &define.org,
                workflow: &definition.name,
                queue: &define.queue,
                since,
                build: define.build.as_ref().map_or("", |build| build.as_str()),
                rollout: written.rollout,
                triggers: &definition.triggers,
            };
            declaration.declare(&mut tx).await?;
        }
        // What workflows take is part of what events are matched under. A process that says what others have said starts none of
        // that anew.
        if changed {
            trigger::next_version(&mut tx, &define.org).await?;
        }
        tx.commit().await.map_err(StoreError::new("define"))?;
        Ok(Some(()))
    }

    /// The builds of a definition that were rolled out last: those that live first, of these the newest first.
    pub async fn definition_builds(
        &self,
        org: &Org,
        kind: DefinitionKind,
        name: &str,
        rows: i64,
    ) -> Result<Vec<BuildRow>, StoreError> {
        let mut connection = self.calm.acquire().await.map_err(StoreError::new("definition_builds"))?;
        definition_builds(&mut connection, org, kind, name, rows).await
    }

    /// A page of definitions by kind and name, each as the build that counts has it.
    pub async fn definitions_list(
        &self,
        org: &Org,
        kind: Option<DefinitionKind>,
        after: Option<&DefinitionCursor>,
        rows: i64,
    ) -> Result<Vec<ListedRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/definitions_list.sql"))
            .bind(org.as_str())
            .bind(kind.map(DefinitionKind::as_str))
            .bind(after.map_or("", |(kind, _)| kind.as_str()))
            .bind(after.map_or("", |(_, name)| name))
            .bind(rows)
            .bind(limits::DEFINITION_BUILDS)
            .bind(BUILDS_NAMED)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("definitions_list"))?;
        let read = |row: &PgRow| {
            let kind: &str = row.try_get("kind")?;
            Ok(ListedRow {
                kind: DefinitionKind::parse(kind).ok_or_else(|| value::unknown("kind of definition", kind))?,
                name: row.try_get("name")?,
                builds: row.try_get("builds")?,
                counting: definition_row(row)?,
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("definitions_list"))
    }

    /// Which of these workflows are gone from the code, each with since when as far as that is known: no live worker has them,
    /// though a newer one of their program lives, or nobody has had them for a week.
    pub async fn workflows_gone(
        &self,
        org: &Org,
        workflows: &[String],
    ) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let found = sqlx::query(include_str!("sql/workflows_gone.sql"))
            .bind(org.as_str())
            .bind(workflows)
            .bind(value::micros(limits::WORKER_KEPT))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("workflows_gone"))?;
        let read = |row: &PgRow| Ok((row.try_get("workflow")?, value::time(row, "since")?));
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("workflows_gone"))
    }

    /// Forgets builds that were not seen for that long, have no live worker and were not rolled out last; says how many.
    pub async fn forget_definitions(&self, unseen: Duration, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("sql/forget_definitions.sql"))
            .bind(value::micros(unseen))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("forget_definitions"))?;
        Ok(done.rows_affected())
    }
}

pub(super) async fn definition_builds(
    connection: &mut PgConnection,
    org: &Org,
    kind: DefinitionKind,
    name: &str,
    rows: i64,
) -> Result<Vec<BuildRow>, StoreError> {
    let found = sqlx::query(include_str!("sql/definition_builds.sql"))
        .bind(org.as_str())
        .bind(kind.as_str())
        .bind(name)
        .bind(rows)
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("definition_builds"))?;
    let read = |row: &PgRow| Ok(BuildRow { build: row.try_get("build")?, definition: definition_row(row)? });
    found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("definition_builds"))
}

/// A definition that was written.
struct Written {
    /// When its build's rollout began.
    rollout: Timestamp,
    inputs: Inputs,
}

/// Whether events may have been matched with other inputs before.
#[derive(PartialEq, Eq)]
enum Inputs {
    Same,
    Changed,
}

async fn write(
    connection: &mut PgConnection,
    define: &Define,
    since: Timestamp,
    definition: &Definition,
) -> Result<Option<Written>, StoreError> {
    let triggers = match definition.kind {
        DefinitionKind::Function => None,
        DefinitionKind::Workflow => Some(codec::wire::encode(&definition.triggers).expect("text and numbers encode")),
    };
    let parameters = serde_json::to_string(&definition.parameters).expect("text and words encode as JSON");
    let row = sqlx::query(include_str!("sql/definition_write.sql"))
        .bind(define.org.as_str())
        .bind(definition.kind.as_str())
        .bind(&definition.name)
        .bind(define.build.as_ref().map_or("", |build| build.as_str()))
        .bind(value::at(since))
        .bind(definition.description.replace('\0', "\u{fffd}"))
        .bind(parameters)
        .bind(&definition.input_schema)
        .bind(&definition.output_schema)
        .bind(triggers)
        .bind(define.queue.as_str())
        .fetch_optional(connection)
        .await
        .map_err(StoreError::new("definition_write"))?;
    let read = |row: PgRow| {
        let inputs = if row.try_get("changed")? { Inputs::Changed } else { Inputs::Same };
        Ok(Written { rollout: value::time(&row, "rollout")?, inputs })
    };
    row.map(read).transpose().map_err(StoreError::new("definition_write"))
}

fn definition_row(row: &PgRow) -> Result<DefinitionRow, sqlx::Error> {
    let triggers: Option<&[u8]> = row.try_get("triggers")?;
    Ok(DefinitionRow {
        description: row.try_get("description")?,
        parameters: serde_json::from_str(row.try_get("parameters")?).map_err(value::decode_error)?,
        input_schema: row.try_get("input_schema")?,
        output_schema: row.try_get("output_schema")?,
        triggers: match triggers {
            Some(triggers) => codec::wire::decode(triggers).map_err(value::decode_error)?,
            None => Vec::new(),
        },
        since: value::time(row, "since")?,
        first_seen_at: value::time(row, "first_seen_at")?,
        seen_at: value::time(row, "seen_at")?,
        workers: row.try_get("workers")?,
    })
}
