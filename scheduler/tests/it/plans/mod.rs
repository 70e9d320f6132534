//! No plan has a choice: it is the same on an empty, a never analysed and a large table.

mod lists;
mod shape;

use std::{collections::HashMap, fmt::Write as _, fs, path::Path};

use piton_scheduler::store::StoreOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use self::shape::Plan;
use crate::database::Database;

/// Statements on the road of every run: each row they touch is found by a key.
const HOT: [&str; 25] = [
    "append",
    "append_look",
    "append_plain",
    "append_rows",
    "batch_end",
    "batch_finish",
    "batch_finish_look",
    "batch_look",
    "batch_release",
    "claim",
    "event_accept",
    "event_keys_look",
    "event_runs_insert",
    "finish_back",
    "finish_done",
    "finish_look",
    "fire",
    "heartbeats",
    "intake",
    "requeue",
    "start_keys_look",
    "step_claim",
    "step_publish",
    "unmatched_read",
    "unmatched_take",
];
/// Statements that read all of a small table, or all of what there is to do of a kind, and say so by their name.
const WHOLE: [&str; 19] = [
    "declarations_left",
    "expired_workers",
    "forget_definitions",
    "forget_start_keys",
    "forget_workers",
    "key_list",
    "next_due",
    "org_list",
    "queue_depths",
    "queue_slots",
    "ready_served",
    "schedule_watch",
    "schedules_lock",
    "schedules_look",
    "schedules_next_due",
    "step_depths",
    "steps_served",
    "workers_list",
    "workflows_gone",
];

/// The major versions on which the plans were seen to be those of the snapshots. On others they may differ in detail, and
/// have to have no choice all the same.
const SEEN: [&str; 3] = ["15", "16", "18"];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sql")
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The generic plan of a statement as the store's connections make it.
async fn plan(connection: &mut PgConnection, name: &str) -> Plan {
    let statement = fs::read_to_string(folder().join(format!("{name}.sql"))).expect("it is there");
    let prepare = include_str!("../sql/prepare.sql").replace("{statement}", &statement);
    execute(connection, &prepare).await;
    let parameters: i32 = sqlx::query_scalar(include_str!("../sql/parameters.sql"))
        .fetch_one(&mut *connection)
        .await
        .expect("it is prepared");
    let nulls = vec!["null"; usize::try_from(parameters).expect("a count")].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let explain = include_str!("../sql/explain.sql").replace("{arguments}", &arguments);
    let found: serde_json::Value = sqlx::query_scalar(AssertSqlSafe(explain))
        .persistent(false)
        .fetch_one(&mut *connection)
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    execute(connection, include_str!("../sql/forget_prepared.sql")).await;
    Plan::read(&found)
}

/// By which column each index is ordered first.
async fn first_columns(connection: &mut PgConnection) -> HashMap<String, String> {
    let found: Vec<(String, String)> = sqlx::query_as(include_str!("../sql/first_columns.sql"))
        .fetch_all(connection)
        .await
        .expect("the catalogue answers");
    found.into_iter().collect()
}

async fn connect(db: &Database) -> PgConnection {
    let options = StoreOptions::new(&*db.url).connection().expect("a good address");
    options.connect().await.expect("it connects")
}

#[tokio::test]
async fn hot_plans_do_not_flip() {
    let db = Database::new("plans_hot").await;
    let mut connection = connect(&db).await;
    let columns = first_columns(&mut connection).await;
    let mut empty = Vec::new();
    for name in HOT {
        empty.push(plan(&mut connection, name).await);
    }
    execute(&mut connection, include_str!("../sql/fill.sql")).await;
    let mut wrong = String::new();
    for stage in ["never analysed", "analysed"] {
        for (name, empty) in HOT.iter().zip(&empty) {
            let large = plan(&mut connection, name).await;
            if large.shape() != empty.shape() {
                let (was, is) = (empty.shape(), large.shape());
                writeln!(wrong, "{name}, {stage}:\n{was}\nbecame\n{is}").expect("text grows");
            }
        }
        execute(&mut connection, include_str!("../sql/analyze.sql")).await;
    }
    for (name, plan) in HOT.iter().zip(&empty) {
        for finding in plan.choices(&columns) {
            writeln!(wrong, "{name}: {finding}").expect("text grows");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let version: String = sqlx::query_scalar(include_str!("../sql/version.sql"))
        .fetch_one(&mut connection)
        .await
        .expect("it says its version");
    // As the server counts: 180006 is 18.6.
    if SEEN.iter().any(|major| version.len() == 6 && version.starts_with(major)) {
        for (name, plan) in HOT.iter().zip(&empty) {
            insta::assert_snapshot!(*name, plan.shape());
        }
    }
    db.finish().await;
}

#[tokio::test]
async fn nothing_reads_a_whole_table_unless_it_says_so() {
    let db = Database::new("plans_all").await;
    let mut connection = connect(&db).await;
    execute(&mut connection, include_str!("../sql/fill.sql")).await;
    execute(&mut connection, include_str!("../sql/analyze.sql")).await;
    let columns = first_columns(&mut connection).await;
    let mut wrong = String::new();
    for file in fs::read_dir(folder()).expect("the folder is there") {
        let path = file.expect("it is listed").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        let plan = plan(&mut connection, name).await;
        for finding in plan.whole_tables(&columns) {
            if !WHOLE.contains(&name) {
                writeln!(wrong, "{name}: {finding}").expect("text grows");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    db.finish().await;
}
