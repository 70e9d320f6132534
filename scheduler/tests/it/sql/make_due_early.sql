-- The timers of a run are due since an hour. $1 the run.
update waits set due_at = clock_timestamp() - interval '1 hour' where run_id = $1
