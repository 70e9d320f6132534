-- Grants runs to a worker: one statement for all it was delivered. $1 the worker, $2–$4 the asks, sorted by run.
--
-- The key-share lock on the worker's row is what lease-end waits for: without it a claim could commit beside the
-- end of its lease and a dead worker would hold the run.
with alive as materialized (
    select w.id, w.org from workers w where w.id = $1 and coalesce(w.ended_at, 'infinity') = 'infinity' for key share
),
locked as materialized (
    select r.id
    from alive v
    cross join unnest($2::uuid[], $3::int[], $4::uuid[]) as a (run_id, epoch, attempt)
    cross join lateral (
        select r.id, r.org
        from runs r
        where r.id = a.run_id
          and ((r.state = 'queued' and r.epoch = a.epoch)
               -- The answer to this very claim was lost, or came late. One that is paused since then must not begin.
               or (r.state = 'running' and r.attempt = a.attempt and r.worker = v.id and r.paused_at is null))
        limit 1
        for no key update
    ) r
    where r.org = v.org
),
granted as (
    update runs r
    set (attempt, attempts, append_number) = (
            select a.attempt,
                   r.attempts + case when r.attempt is not distinct from a.attempt then 0 else 1 end,
                   case when r.attempt is not distinct from a.attempt then r.append_number else 0 end
            from (select ($4::uuid[])[array_position($2, r.id)] as attempt) a
        ),
        state = 'running',
        worker = $1,
        started_at = coalesce(r.started_at, clock_timestamp())
    where r.id = any (array(select id from locked))
    returning r.id, r.epoch, r.attempt, r.workflow, r.seed, r.created_at, r.input, r.outside, r.attempts, r.strikes, r.company, r.trace
),
unready as (
    delete from ready d where d.run_id = any (array(select id from granted))
),
holding as (
    insert into held (run_id, worker, attempt)
    select g.id, $1, g.attempt from granted g
    on conflict (run_id) do nothing
)
select g.id, g.epoch, g.attempt, g.workflow, g.seed, g.created_at, g.input, g.outside, g.attempts, g.strikes, g.company, g.trace,
       (select o.control_version from orgs o where o.org = (select v.org from alive v)) as control_version
from granted g
