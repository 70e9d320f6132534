-- Holds up whoever changes a run's dispatched work. $1 the run.
select run_id from dispatches where run_id = $1 and step_key = 'a#1' for update
