//! Journals in the order of telling: every page size, and what a page costs.

use std::fs;

use piton_scheduler::store::{Seen, StoreOptions};
use piton_shared::{
    ids::RunId,
    journal::{Entry, Place, in_order},
    message::read::More,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::database::Database;

/// A run with so many own rows, and a third as many from outside.
async fn long(db: &Database, own: i32) -> RunId {
    let run = db.held(db.worker().await).await.run;
    sqlx::query(include_str!("../sql/long_journal.sql"))
        .bind(run.uuid())
        .bind(own)
        .execute(&db.pool)
        .await
        .expect("it is written");
    run
}

fn keys(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.key.to_string()).collect()
}

#[tokio::test]
async fn pages_of_any_size_tell_everything_once_and_in_order() {
    let db = Database::new("told_pages").await;
    // Shorter than, as long as, and longer than what has no index.
    for own in [0, 5, 32, 33, 100] {
        let run = long(&db, own).await;
        let (all, more) = db.store.journal_page(run, None, 1000).await.expect("read");
        assert_eq!(more, More::End);
        let told = keys(&in_order(all));
        for rows in [1, 2, 7, 31, 32, 33, 64, 200] {
            let (mut seen, mut read) = (Seen::default(), Vec::new());
            loop {
                let (page, more) = db.store.journal_told(run, seen, rows).await.expect("read");
                assert!(page.len() <= rows as usize, "pages of {rows}");
                read.extend(keys(&page));
                seen = page.iter().fold(seen, Seen::and);
                if more == More::End {
                    break;
                }
            }
            assert_eq!(read, told, "{own} own rows in pages of {rows}");
            let (nothing, more) = db.store.journal_told(run, seen, rows).await.expect("read");
            assert_eq!((nothing, more), (vec![], More::End));
        }
    }
    db.finish().await;
}

/// Rows that a plan touched in tables, found and thrown away.
fn touched(node: &Value) -> u64 {
    let count = |field: &str| node[field].as_f64().unwrap_or(0.0);
    let here = if node["Relation Name"].is_string() {
        (count("Actual Rows") + count("Rows Removed by Filter") + count("Rows Removed by Index Recheck"))
            * count("Actual Loops")
    } else {
        0.0
    };
    let below: u64 = node["Plans"].as_array().into_iter().flatten().map(touched).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
    let here = here.round() as u64;
    here + below
}

/// What a page after `seen` touches, under the settings of the store's connections.
async fn cost(connection: &mut PgConnection, run: RunId, seen: Seen, rows: u32) -> u64 {
    let sql = include_str!("../sql/explain_told.sql")
        .replace("{run}", &run.to_string())
        .replace("{own}", &seen.own.to_string())
        .replace("{outside}", &seen.outside.to_string())
        .replace("{rows}", &rows.to_string());
    let explained: Value = sqlx::query_scalar(AssertSqlSafe(sql))
        .persistent(false)
        .fetch_one(connection)
        .await
        .expect("the statement is explained");
    touched(&explained[0]["Plan"])
}

#[tokio::test]
async fn a_page_of_a_long_journal_costs_a_page() {
    let db = Database::new("told_cost").await;
    let run = long(&db, 6000).await;
    let options = StoreOptions::new(&*db.url).connection().expect("a good address");
    let mut connection = options.connect().await.expect("it connects");
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sql/journal_told.sql");
    let statement = fs::read_to_string(file).expect("it is there");
    let prepare = include_str!("../sql/prepare.sql").replace("{statement}", &statement);
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await.expect("it prepares");
    for stage in ["never analysed", "analysed"] {
        let mut cost = async |own, outside| cost(&mut connection, run, Seen { own, outside }, 101).await;
        for (own, outside) in [(32, 10), (3000, 1000), (5990, 1996), (6000, 2002)] {
            let rows = cost(own, outside).await;
            assert!(rows <= 2 * 101, "{stage}: a page after {own}.{outside} touched {rows} rows");
        }
        assert_eq!(cost(6000, 2002).await, 0, "{stage}: there is nothing new");
        // The guard is worth something: the first page has no index, and is seen to have none.
        assert!(cost(0, 0).await >= 6000, "{stage}");
        sqlx::raw_sql(include_str!("../sql/analyze.sql")).execute(&mut connection).await.expect("it is ours");
    }
    db.finish().await;
}

#[tokio::test]
async fn rows_from_outside_of_many_runs_are_read_at_once_each_from_its_place() {
    let db = Database::new("told_many").await;
    let (short, full) = (long(&db, 9).await, long(&db, 30).await);
    let none = db.held(db.worker().await).await.run;
    let asked = [(full, 4, 3), (none, 0, 9), (short, 0, 9), (full, 9, 9)];
    let read = db.store.journals_outside(&asked).await.expect("read");
    let numbers = |entries: &Vec<Entry>| {
        let number = |entry: &Entry| match entry.place {
            Place::Outside { number } => number,
            Place::Own { .. } => panic!("{entry:?}"),
        };
        entries.iter().map(number).collect::<Vec<_>>()
    };
    assert_eq!(
        read.iter().map(numbers).collect::<Vec<_>>(),
        [vec![5, 6, 7], vec![], vec![1, 2, 3, 4, 5], vec![10, 11, 12]]
    );
    db.finish().await;
}
