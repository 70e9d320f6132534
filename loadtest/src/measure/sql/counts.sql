-- What the database itself has counted since it was made. Backends report about once a second.
select json_build_object(
    'commits', d.xact_commit,
    'rollbacks', d.xact_rollback,
    'rows_written', d.tup_inserted + d.tup_updated + d.tup_deleted,
    'journal_rows', (select n_tup_ins from pg_stat_user_tables where relname = 'journal'),
    'wal_bytes', (select wal_bytes from pg_stat_wal),
    'wal_syncs', (select wal_sync from pg_stat_wal)
)
from pg_stat_database d
where d.datname = current_database();
