//! Lists read their page and no more.

use piton_scheduler::store::StoreOptions;
use sqlx::{ConnectOptions, PgConnection};

use super::plan;
use crate::database::Database;

/// Lists that go on from a cursor, with the condition by which the index begins there.
const CURSORS: [(&str, &str); 9] = [
    ("batch_list", "step_key > $3"),
    ("batch_results_page", "item > $3"),
    ("delivery_list", "id < COALESCE($2"),
    ("event_list", "id < COALESCE($2"),
    ("firings_page", "id < COALESCE($3"),
    ("run_list", "id < $2"),
    ("schedule_list", "name > $2"),
    ("state_list", "name > $4"),
    ("trigger_list", "id < COALESCE($2"),
];

async fn connect(db: &Database) -> PgConnection {
    let options = StoreOptions::new(&*db.url).list_connection().expect("a good address");
    options.connect().await.expect("it connects")
}

// Neither is done on a connection for lists: its statements have little time.
async fn fill(db: &Database) {
    sqlx::raw_sql(include_str!("../sql/fill.sql")).execute(&db.pool).await.expect("it is filled");
}

async fn analyze(db: &Database) {
    sqlx::raw_sql(include_str!("../sql/analyze.sql")).execute(&db.pool).await.expect("it is analysed");
}

#[tokio::test]
async fn a_cursor_is_where_the_index_begins() {
    let db = Database::new("plans_cursors").await;
    let mut connection = connect(&db).await;
    fill(&db).await;
    analyze(&db).await;
    for (name, bound) in CURSORS {
        let plan = plan(&mut connection, name).await;
        assert!(plan.bounds().iter().any(|found| found.contains(bound)), "{name}: {:?}", plan.bounds());
    }
    db.finish().await;
}

/// One branch of it is read, whose rows come in their order: nothing is sorted, and nothing is read that is not needed. On an
/// empty table any index is as good; the first statistics have the plan made anew.
#[tokio::test]
async fn runs_are_listed_by_one_plan_whatever_is_asked_for() {
    let db = Database::new("plans_runs").await;
    let mut connection = connect(&db).await;
    let empty = plan(&mut connection, "run_list").await.shape();
    fill(&db).await;
    let never_analysed = plan(&mut connection, "run_list").await.shape();
    analyze(&db).await;
    let analysed = plan(&mut connection, "run_list").await.shape();
    for shape in [&empty, &never_analysed] {
        assert!(shape.contains("Merge Append") && !shape.contains("Sort"), "{shape}");
    }
    assert_eq!(never_analysed, analysed);
    db.finish().await;
}
