-- Takes back what the end of a worker's lease left on runs, where no later one did; their locks are held. Says which are parked
-- because of it. $1 the runs, $2 the worker, $3 those whose dispatched work was stopped by it.
with changed as (
    update runs r
    set strikes = r.strikes - 1, struck_by = null,
        company = case when r.strikes > 2 then r.company * 2 end
    where r.id = any ($1) and r.struck_by = $2 and r.strikes > 0 and r.finished_at is null
    returning r.id
)
select r.id
from runs r
where r.id = any ($1) and r.state = 'parked' and r.paused_at is null and r.parked ->> 'code' = 'poison'
  and (r.id = any (array(select id from changed)) or r.id = any ($3))
order by r.id
