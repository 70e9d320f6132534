use std::{fs, path::Path};

use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use crate::database::Database;

/// Nothing checks SQL at compile time: this does.
#[tokio::test]
async fn every_statement_prepares_on_the_migrated_schema() {
    let db = Database::new("prepares").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sql");
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in fs::read_dir(folder).expect("the folder is there") {
        let path = file.expect("it is listed").path();
        let sql = fs::read_to_string(&path).expect("it is text");
        let mut connection = db.pool.acquire().await.expect("a connection");
        if let Err(error) = connection.prepare(AssertSqlSafe(sql).into_sql_str()).await {
            wrong.push(format!("{}: {error}", path.display()));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 40, "only {count} statements were found");
    db.finish().await;
}
