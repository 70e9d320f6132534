-- $1 the run.
select rounds from ready where run_id = $1
