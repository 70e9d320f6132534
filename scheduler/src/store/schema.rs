//! What doctors ask of a database: its version, and whether its schema is ours.

use sqlx::migrate::{Migrate, MigrateError};

use super::{Store, StoreError, connection::MIGRATIONS};

/// How the database's schema and this build go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// It is what this build needs.
    Current,
    /// Migrations are missing; all of them when nothing was ever migrated.
    Behind {
        /// How many.
        missing: usize,
    },
    /// A newer build has migrated it.
    Ahead {
        /// The newest migration that this build does not know.
        version: i64,
    },
    /// A migration was changed after it was applied, or broke off.
    Torn {
        /// Which.
        version: i64,
    },
}

impl Store {
    /// How the database's schema and this build go together.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let mut connection = self.calm.acquire().await.map_err(StoreError::new("schema"))?;
        let table = &*MIGRATIONS.table_name;
        let dirty = connection.dirty_version(table).await;
        let applied = match dirty {
            Ok(Some(version)) => return Ok(Schema::Torn { version }),
            Ok(None) => connection.list_applied_migrations(table).await.map_err(failed)?,
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        if let Some(unknown) = applied.iter().rev().find(|migration| !MIGRATIONS.version_exists(migration.version)) {
            return Ok(Schema::Ahead { version: unknown.version });
        }
        let ours = || MIGRATIONS.iter().filter(|migration| migration.migration_type.is_up_migration());
        for migration in ours() {
            let there = applied.iter().find(|there| there.version == migration.version);
            if there.is_some_and(|there| there.checksum != migration.checksum) {
                return Ok(Schema::Torn { version: migration.version });
            }
        }
        Ok(match ours().count().saturating_sub(applied.len()) {
            0 => Schema::Current,
            missing => Schema::Behind { missing },
        })
    }

    /// The server's version as Postgres counts it: 150018 is 15.18.
    pub async fn server_version(&self) -> Result<Option<u32>, StoreError> {
        let connection = self.calm.acquire().await.map_err(StoreError::new("server_version"))?;
        Ok(connection.server_version_num())
    }
}

fn failed(error: MigrateError) -> StoreError {
    StoreError::new("schema")(sqlx::Error::Migrate(Box::new(error)))
}

/// Whether the table of migrations is not there.
fn is_missing(error: &MigrateError) -> bool {
    let MigrateError::Execute(sqlx::Error::Database(error)) = error else {
        return false;
    };
    error.code().as_deref() == Some("42P01")
}
