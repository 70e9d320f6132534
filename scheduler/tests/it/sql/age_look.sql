-- The task of a run was seen waiting that long ago. $1 the run, $2 seconds.
update ready set looked_at = clock_timestamp() - $2 * interval '1 second' where run_id = $1 and looked_at is not null
