-- $1 the run.
select run_id from held where run_id = $1 for update
