-- How many statements of this database wait for a lock.
select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
