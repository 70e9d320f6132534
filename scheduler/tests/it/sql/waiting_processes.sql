-- The server's processes of this database that wait for a lock.
select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
