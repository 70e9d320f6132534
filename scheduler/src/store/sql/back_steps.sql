-- Takes back what the end of a worker's lease left on dispatched work, where no later one did; the runs' locks are held. Says whose
-- work was stopped by it. $1 the runs, $2 the worker.
with changed as (
    update dispatches d
    set strikes = d.strikes - 1, struck_by = null
    where d.run_id = any ($1) and d.struck_by = $2 and d.strikes > 0
    returning d.run_id, d.stopped
)
select distinct run_id from changed where stopped = 'poison'
