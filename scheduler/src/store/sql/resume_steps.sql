-- Gives dispatched work of a run to workers again; the run's lock is held. $1 run.
update dispatches d
set stopped = null, strikes = 0, offered_at = clock_timestamp()
where d.run_id = $1 and d.stopped is not null
returning d.run_id, d.step_key, d.item, d.org, d.queue, d.build, d.function, d.epoch, d.due_at
