select exists (select 1 from pg_stat_activity where pid = $1)
