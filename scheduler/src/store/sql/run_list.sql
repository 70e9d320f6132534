-- A page of runs, newest first. $1 org, $2 before this id or null, $3 state or null, $4 workflow or null,
-- $5 session or null, $6 rows, $7 tag or null, $8 accepted at or after or null with $9 an id before all of those, $10
-- accepted before or null with $11 an id behind all of those: ids sort by time and have the index.
select id, org, workflow, queue, build, session, tags, state, epoch, attempts, attempt, worker, strikes, cancel_asked_at, paused_at,
       created_at, started_at, finished_at, null::bytea as input, null::bytea as result, failure, parked, trace,
       case when state = 'backlog' then (select d.unserved from ready d where d.run_id = runs.id) end as unserved
from runs
where org = $1
  and ($2::uuid is null or id < $2)
  and ($3::text is null or state = $3)
  and ($4::text is null or workflow = $4)
  and ($5::text is null or session = $5)
  and ($7::text is null or $7 = any (tags))
  and ($8::timestamptz is null or (created_at >= $8 and id >= $9))
  and ($10::timestamptz is null or (created_at < $10 and id < $11))
order by id desc
limit $6
