-- Whether a migration has waited for another for longer than the scheduler's statements wait for a lock.
select exists (
    select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'
        and query_start < clock_timestamp() - interval '2 seconds'
)
