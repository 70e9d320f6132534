-- One run. $1 run, $2 org.
select id, workflow, queue, build, session, tags, state, epoch, attempts, attempt, worker, strikes, cancel_asked_at,
       created_at, started_at, finished_at, input, result, failure, parked, trace
from runs where id = $1 and org = $2
