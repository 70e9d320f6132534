-- The append of most steps: rows and perhaps the end of a run, and nothing else that append.sql could write. One
-- statement, one commit, for many runs; each append is written whole or not at all. What it leaves out is what
-- starting and stopping the parts of append.sql costs each time.
--
-- $1–$7 the appends, sorted by run; $8–$20 their rows, each with its org and the place of its append. Places count
-- from 1. A row that stands there already breaks the statement, and append.sql, which looks first, takes its place.
--
-- As there, no join here has a choice.
with locked as materialized (
    select a.place, a.run_id, a.number, a.row_count, r.id is not null as mine, r.strikes
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[]) with ordinality
        as a (run_id, attempt, worker, number, row_count, place)
    left join lateral (
        select r.id, r.strikes
        from runs r
        where r.id = a.run_id and r.attempt = a.attempt and r.worker = a.worker and r.state = 'running'
          and (a.number = 0 or a.number = r.append_number + 1)
        limit 1
        -- A run that is locked this instant is set aside; the next look tells it from one that was lost.
        for no key update skip locked
    ) r on true
),
fence as materialized (
    select array_agg(mine order by place) as ok from locked
),
inserted as (
    insert into journal (run_id, step_key, org, kind, name, input, result, failure, own, after, attempt, worker,
                         try_number, started_at, finished_at)
    select $1[e.place], e.step_key, e.org, e.kind, e.name, e.input, e.result, e.failure, e.own, e.after, $2[e.place], $3[e.place],
           e.try_number, e.started_at, e.finished_at
    from fence, unnest($8::int[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bytea[], $14::bytea[], $15::bytea[],
                $16::int[], $17::int[], $18::int[], $19::timestamptz[], $20::timestamptz[])
        as e (place, step_key, org, kind, name, input, result, failure, own, after, try_number, started_at, finished_at)
    where fence.ok[e.place]
),
changed as (
    update runs r
    set (append_number, state, worker, strikes, result, failure, finished_at, paused_at) = (
        select greatest(r.append_number, $4[p.place]),
               n.state,
               case when n.state = 'running' then r.worker end,
               case when $5[p.place] > 0 then 0 else r.strikes end,
               case when n.state = 'completed' then ($7::bytea[])[p.place] end,
               case when n.state in ('failed', 'cancelled') then ($7::bytea[])[p.place] end,
               case when n.state <> 'running' then clock_timestamp() end,
               case when n.state = 'running' then r.paused_at end
        from (select array_position($1, r.id) as place) p
        cross join lateral (select case ($6::text[])[p.place]
            when 'go_on' then 'running'
            when 'complete' then 'completed'
            when 'fail' then 'failed'
            when 'cancel' then 'cancelled'
        end as state) n
    )
    where r.id = any (array(
        select l.run_id from locked l where l.mine and (l.number > 0 or (l.strikes > 0 and l.row_count > 0))))
    returning r.id, r.org, r.state
),
over as materialized (
    select coalesce(array_agg(id), '{}') as runs, coalesce(array_agg(id::text), '{}') as names, coalesce(array_agg(distinct org), '{}') as orgs
    from changed
    where state <> 'running'
),
released as (
    delete from held h where h.run_id = any ((select runs from over)::uuid[])
),
cleared as (
    delete from waits w where w.run_id = any ((select runs from over)::uuid[])
),
forgotten as (
    -- What a run kept for itself goes with it.
    delete from state s
    where s.org = any ((select orgs from over)::text[]) and s.scope = 'run' and s.owner = any ((select names from over)::text[])
),
cleared_steps as (
    delete from dispatches d
    where d.run_id = any ((select runs from over)::uuid[])
    returning d.run_id, d.step_key, d.item, d.worker, d.hold
),
cleared_batches as (
    update batches b
    set status = 'cancelled', finished_at = clock_timestamp(), cancelled = b.total - b.completed - b.failed
    where b.run_id = any ((select runs from over)::uuid[]) and b.status = 'running'
),
-- Those whose results nobody waits for any more, by who executes them.
gone as materialized (
    select run_id, step_key, item, worker, hold from cleared_steps where worker is not null
)
select fence.ok,
       (select runs from over) as ended,
       array(select run_id from gone) as gone_run,
       array(select step_key from gone) as gone_key,
       array(select item from gone) as gone_item,
       array(select worker from gone) as gone_worker,
       array(select hold from gone) as gone_hold
from fence
