-- A run was published that long ago. $1 the run, $2 seconds.
update ready set published_at = clock_timestamp() - $2 * interval '1 second' where run_id = $1
