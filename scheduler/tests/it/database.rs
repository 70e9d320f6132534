//! A database of its own for every test, copied from a template that is made once.

use piton_devstack::{
    Postgres,
    testing::{TestPostgres, database_name},
};
use piton_scheduler::store::{Store, StoreOptions};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");
/// Any number that nobody else locks in the maintenance database.
const TEMPLATES: i64 = 0x7069_746f_6e00;

/// A test's database, migrated and empty.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) url: String,
    /// What is tested.
    pub(crate) store: Store,
    /// For what a test does behind the store's back, and for what it asserts. Without the store's settings.
    pub(crate) pool: PgPool,
    admin_url: String,
}

impl Database {
    pub(crate) async fn new(label: &str) -> Self {
        let server = TestPostgres::shared().await.expect("Postgres starts");
        Self::make(server.url(), &|name| server.url_of(name), label).await
    }

    /// On a Postgres of the test's own, which it may stop.
    pub(crate) async fn on(server: &Postgres, label: &str) -> Self {
        Self::make(server.url(), &|name| server.url_of(name), label).await
    }

    async fn make(admin_url: String, url_of: &dyn Fn(&str) -> String, label: &str) -> Self {
        let mut admin = admin(&admin_url).await;
        let template = template(&mut admin, url_of).await;
        let name = database_name(label);
        let sql = include_str!("sql/create_from_template.sql");
        run(&mut admin, sql, &[("name", &name), ("template", &template)]).await;
        admin.close().await.expect("the connection closes");
        let url = url_of(&name);
        Self {
            store: connect(&url).await,
            pool: PgPoolOptions::new().max_connections(8).connect_lazy(&url).expect("a good address"),
            name,
            url,
            admin_url,
        }
    }

    /// A store of its own, as another scheduler has.
    pub(crate) async fn other_store(&self) -> Store {
        connect(&self.url).await
    }

    /// What no commit may leave behind was not left behind.
    pub(crate) async fn assert_rules(&self) {
        let broken: Vec<(Uuid, String)> = sqlx::query_as(include_str!("sql/broken_rules.sql"))
            .fetch_all(&self.pool)
            .await
            .expect("the rules are looked at");
        assert!(broken.is_empty(), "broken rules: {broken:#?}");
    }

    /// Asserts the rules and goes. A test that failed before leaves its database to be looked at.
    pub(crate) async fn finish(self) {
        self.assert_rules().await;
        self.store.close().await;
        self.pool.close().await;
        let mut admin = admin(&self.admin_url).await;
        run(&mut admin, include_str!("sql/drop.sql"), &[("name", &self.name)]).await;
    }
}

async fn connect(url: &str) -> Store {
    Store::connect(&StoreOptions::new(url)).await.expect("the store connects")
}

async fn admin(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the maintenance database is there")
}

/// Executes a statement whose names are no parameters.
async fn run(admin: &mut PgConnection, sql: &str, names: &[(&str, &str)]) {
    let filled = names.iter().fold(sql.to_owned(), |sql, (place, name)| sql.replace(&format!("{{{place}}}"), name));
    sqlx::raw_sql(AssertSqlSafe(filled)).execute(admin).await.expect("the statement is ours");
}

/// The template's name; it is made by whoever needs it first.
async fn template(admin: &mut PgConnection, url_of: &dyn Fn(&str) -> String) -> String {
    let mut hash = Sha256::new();
    for migration in MIGRATIONS.iter() {
        hash.update(&migration.checksum);
    }
    let template = format!("template_{}", &hex::encode(hash.finalize())[..24]);
    if !exists(admin, &template).await {
        let lock = include_str!("sql/lock_templates.sql");
        sqlx::query(lock).bind(TEMPLATES).execute(&mut *admin).await.expect("the lock is had");
        if !exists(admin, &template).await {
            make_template(admin, url_of, &template).await;
        }
        let unlock = include_str!("sql/unlock_templates.sql");
        sqlx::query(unlock).bind(TEMPLATES).execute(&mut *admin).await.expect("the lock is held");
    }
    template
}

async fn make_template(admin: &mut PgConnection, url_of: &dyn Fn(&str) -> String, template: &str) {
    let unfinished = database_name("template");
    let sql = include_str!("sql/create_empty.sql");
    run(admin, sql, &[("name", &unfinished)]).await;
    let store = connect(&url_of(&unfinished)).await;
    store.migrate().await.expect("the migrations run");
    store.close().await;
    // Only what is whole has the name.
    let sql = include_str!("sql/rename_template.sql");
    let names = [("unfinished", &*unfinished), ("template", template)];
    run(admin, sql, &names).await;
}

async fn exists(admin: &mut PgConnection, template: &str) -> bool {
    sqlx::query_scalar(include_str!("sql/template_exists.sql"))
        .bind(template)
        .fetch_one(admin)
        .await
        .expect("the catalogue answers")
}
