//! The schedules that are declared beside a workflow.

use std::time::Duration;

use piton_shared::trigger::{CronTrigger, Trigger};
use sqlx::PgConnection;

use super::{
    Plan, ScheduleOrigin, ScheduleRow, ScheduleState, read,
    write::{change, insert, remove},
};
use crate::store::{Declaration, StoreError, value};

/// Keeps the declared schedules of a workflow as they are declared now, within a transaction of the caller's: new ones are
/// added, unchanged ones keep their progress, those that are gone are deleted. What a build declared that was
/// rolled out later, or a later process of this one, stays.
///
/// A name that another schedule of the org has refuses the declaration as a bad row, with what to do about it as the reason.
pub async fn declare(connection: &mut PgConnection, declaration: &Declaration<'_>) -> Result<(), StoreError> {
    let since = sqlx::query(include_str!("../sql/schedule_since.sql"))
        .bind(declaration.org.as_str())
        .bind(declaration.workflow)
        .bind(value::at(declaration.since))
        .bind(declaration.build)
        .bind(value::at(declaration.rollout))
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::new("schedule_since"))?;
    let Some(since) = since else {
        return Ok(());
    };
    let now = value::time(&since, "now").map_err(StoreError::new("schedule_since"))?;
    let mut there = declared(connection, declaration).await?;
    for (name, trigger) in names(declaration.workflow, declaration.triggers) {
        let plan = plan(declaration, trigger);
        let known = there.iter().position(|row| row.name == name).map(|place| there.swap_remove(place));
        match known {
            Some(row) if row.plan == plan => {}
            Some(row) => change(connection, &row, &plan).await?,
            None => {
                let (origin, state) = (ScheduleOrigin::Declared, ScheduleState::Active);
                let made = insert(connection, declaration.org, &name, &plan, origin, state, now).await?;
                if made.is_none() {
                    let workflow = declaration.workflow;
                    return Err(StoreError::refused(
                        "schedule_insert",
                        format!(
                            "workflow `{workflow}`: a schedule `{name}` is there already, or the org has as many as it may: \
                             give this one another name, or delete that one (`piton schedule remove {name}`)"
                        ),
                    ));
                }
            }
        }
    }
    if !there.is_empty() {
        remove(connection, &there.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// The schedules among what is declared, each with its name: the trigger's own, else the workflow's, with `-2`, `-3` and so on
/// behind it where that name is given away before.
pub fn names<'a>(workflow: &str, triggers: &'a [Trigger]) -> Vec<(String, &'a CronTrigger)> {
    let crons = || {
        triggers.iter().filter_map(|trigger| match trigger {
            Trigger::Cron(cron) => Some(cron),
            Trigger::Event(_) | Trigger::Webhook(_) => None,
        })
    };
    let mut given: Vec<String> = crons().filter_map(|cron| cron.name.clone()).collect();
    let mut named = Vec::new();
    for cron in crons() {
        let name = cron.name.clone().unwrap_or_else(|| {
            let numbered = (2..).map(|number| format!("{workflow}-{number}"));
            let name = std::iter::once(workflow.to_owned()).chain(numbered).find(|name| !given.contains(name));
            let name = name.expect("there are more numbers than triggers");
            given.push(name.clone());
            name
        });
        named.push((name, cron));
    }
    named
}

fn plan(declaration: &Declaration<'_>, cron: &CronTrigger) -> Plan {
    Plan {
        workflow: declaration.workflow.to_owned(),
        queue: declaration.queue.clone(),
        build: None,
        expression: cron.expression.clone(),
        time_zone: cron.time_zone.clone(),
        overlap: cron.overlap,
        catch_up: cron.catch_up,
        jitter: Duration::from_millis(cron.jitter_millis),
        input: cron.input.clone(),
        tags: Vec::new(),
    }
}

async fn declared(
    connection: &mut PgConnection,
    declaration: &Declaration<'_>,
) -> Result<Vec<ScheduleRow>, StoreError> {
    let rows = sqlx::query(include_str!("../sql/schedules_declared.sql"))
        .bind(declaration.org.as_str())
        .bind(declaration.workflow)
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("schedules_declared"))?;
    rows.iter().map(read::schedule).collect::<Result<_, _>>().map_err(StoreError::new("schedules_declared"))
}

#[cfg(test)]
mod tests {
    use piton_shared::trigger::{CatchUp, Overlap};

    use super::*;

    fn cron(name: Option<&str>) -> Trigger {
        Trigger::Cron(CronTrigger {
            name: name.map(Into::into),
            expression: "@daily".into(),
            time_zone: "UTC".into(),
            overlap: Overlap::Allow,
            catch_up: CatchUp::One,
            jitter_millis: 0,
            input: Vec::new(),
        })
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        let named =
            |triggers: &[Trigger]| names("report", triggers).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(named(&[cron(None)]), ["report"]);
        assert_eq!(named(&[cron(None), cron(Some("weekly")), cron(None)]), ["report", "weekly", "report-2"]);
        assert_eq!(named(&[cron(None), cron(None), cron(Some("report"))]), ["report-2", "report-3", "report"]);
    }
}
