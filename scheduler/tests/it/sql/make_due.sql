-- The timers of a run are due since a second. $1 the run.
update waits set due_at = clock_timestamp() - interval '1 second' where run_id = $1
