-- Waits for everybody who claims dispatched work of a run this instant; the run's lock is held. Who has it then is seen by a
-- later statement. $1 the run.
select run_id from dispatches where run_id = $1 order by run_id, step_key, item for no key update
