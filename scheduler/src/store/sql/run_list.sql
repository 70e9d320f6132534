-- A page of runs, newest first. $1 org, $2 before this id, $3 state or null, $4 workflow or null, $5 session or null,
-- $6 rows, $7 tag or null, $8 from this id on, $9 accepted at or after or null, $10 accepted before or null, $11 by which of
-- the indexes below: one branch is read, in the order of ids and no further than the page needs.
select r.id, r.org, r.workflow, r.queue, r.build, r.session, r.tags, r.state, r.epoch, r.attempts, r.attempt, r.worker, r.strikes,
       r.cancel_asked_at, r.paused_at, r.created_at, r.started_at, r.finished_at, null::bytea as input, null::bytea as result,
       r.failure, r.parked, r.trace,
       case when r.state = 'backlog' then (select d.unserved from ready d where d.run_id = r.id) end as unserved
from (
    select distinct id
    from (
        (select id from runs where $11 = 'org' and org = $1 and id < $2 and id >= $8 order by id desc)
        union all
        (select id from runs where $11 = 'workflow' and org || '/' || workflow = $1 || '/' || $4 and id < $2 and id >= $8 order by id desc)
        union all
        (select id from runs where $11 = 'session' and org = $1 and session = $5 and id < $2 and id >= $8 order by id desc)
        union all
        (select run_id from runs_by_tag where $11 = 'tag' and org = $1 and tag = $7 and run_id < $2 and run_id >= $8
         order by run_id desc)
        union all
        (select run_id from runs_by_state where $11 = 'state' and org = $1 and state = $3 and run_id < $2 and run_id >= $8
         order by run_id desc)
        union all
        (select run_id from ready where $11 = 'ready' and run_id < $2 and run_id >= $8 and org = $1 order by run_id desc)
        union all
        (select run_id from held where $11 = 'held' and run_id < $2 and run_id >= $8 order by run_id desc)
        union all
        (select run_id from waits where $11 = 'suspended' and run_id < $2 and run_id >= $8 and org = $1 order by run_id desc)
        union all
        (select run_id from dispatches where $11 = 'suspended' and run_id < $2 and run_id >= $8 and org = $1 order by run_id desc)
        union all
        (select run_id from batches where $11 = 'suspended' and finished_at is null and run_id < $2 and run_id >= $8 and org = $1
         order by run_id desc)
    ) found
    order by id desc
) found
cross join lateral (
    select id, org, workflow, queue, build, session, tags, state, epoch, attempts, attempt, worker, strikes, cancel_asked_at,
           paused_at, created_at, started_at, finished_at, failure, parked, trace
    from runs
    where id = found.id
    limit 1
) r
where r.org = $1
  and ($3::text is null or r.state = $3)
  and ($4::text is null or r.workflow = $4)
  and ($5::text is null or r.session = $5)
  and ($7::text is null or $7 = any (r.tags))
  and ($9::timestamptz is null or r.created_at >= $9)
  and ($10::timestamptz is null or r.created_at < $10)
order by found.id desc
limit $6
