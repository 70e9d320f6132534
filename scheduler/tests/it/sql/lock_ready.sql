-- $1 the run.
select run_id from ready where run_id = $1 for update
