-- Whether a database is there. $1 its name.
select exists (select 1 from pg_database where datname = $1)
