-- Some runs, whoever they belong to: the caller compares. $1 the runs.
select id, org, workflow, queue, build, session, tags, state, epoch, attempts, attempt, worker, strikes, cancel_asked_at, paused_at,
       created_at, started_at, finished_at, input, result, failure, parked, trace,
       case when state = 'backlog' then (select d.unserved from ready d where d.run_id = runs.id) end as unserved
from runs where id = any ($1)
