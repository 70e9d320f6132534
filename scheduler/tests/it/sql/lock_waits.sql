-- $1 the run.
select run_id from waits where run_id = $1 for update
