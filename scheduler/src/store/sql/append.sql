-- The hot append: one statement, one commit, for many runs.
--
-- $1–$8 the appends, sorted by run; $9–$21 their rows, each with its org and the place of its append; $22–$29
-- failed tries; $30–$36 new waits; $37–$38 withdrawn ones. Places count from 1.
--
-- No join here has a choice: runs are found by one index lookup each (lateral with limit) or by an array of keys,
-- and what belongs together is matched by its place in the arrays. So the plan is the same on an empty, a never
-- analysed and a large table; a test shows it.
with asked as materialized (
    select *
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[]) with ordinality
        as a (run_id, attempt, worker, number, row_count, place)
),
-- Locks in the order given. What the lock returns is the newest version of the row, also after a wait.
fenced as materialized (
    select a.run_id, a.number, a.row_count, a.place, r.id is not null as ok, coalesce(r.strikes, 0) as strikes
    from asked a
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
    select array_agg(ok order by place) as ok, coalesce(sum(row_count) filter (where ok), 0) as row_count from fenced
),
inserted as (
    insert into journal (run_id, step_key, org, kind, name, input, result, failure, own, after, attempt, worker,
                         try_number, started_at, finished_at)
    select $1[e.place], e.step_key, e.org, e.kind, e.name, e.input, e.result, e.failure, e.own, e.after, $2[e.place], $3[e.place],
           e.try_number, e.started_at, e.finished_at
    from fence, unnest($9::int[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bytea[], $15::bytea[], $16::bytea[],
                $17::int[], $18::int[], $19::int[], $20::timestamptz[], $21::timestamptz[])
        as e (place, step_key, org, kind, name, input, result, failure, own, after, try_number, started_at, finished_at)
    where fence.ok[e.place]
    on conflict (run_id, step_key) do nothing
    returning 1
),
-- What was computed by running ahead is written only if every row of this statement went in. If one did not,
-- the appends are looked at one by one by the next statement.
whole as materialized (
    select (select count(*) from inserted) = fence.row_count as yes, fence.ok from fence
),
failed as (
    insert into tries (run_id, step_key, attempt, try_number, org, name, failure, worker, started_at, finished_at)
    select $1[t.place], t.step_key, $2[t.place], t.try_number, t.org, t.name, t.failure, $3[t.place], t.started_at, t.finished_at
    from fence, unnest($22::int[], $23::text[], $24::text[], $25::int[], $26::text[], $27::bytea[], $28::timestamptz[], $29::timestamptz[])
        as t (place, step_key, org, try_number, name, failure, started_at, finished_at)
    where fence.ok[t.place]
    on conflict do nothing
),
withdrawn as (
    -- Found one by one by their keys, deleted by where they lie: nobody moves them while the run is locked.
    delete from waits w
    where w.ctid = any (array(
        select found.ctid
        from whole
        cross join unnest($37::int[], $38::text[]) as g (place, step_key)
        cross join lateral (
            select w.ctid from waits w where w.run_id = $1[g.place] and w.step_key = g.step_key limit 1
        ) found
        where whole.yes and whole.ok[g.place]))
),
waiting as (
    insert into waits (run_id, step_key, org, kind, name, input, set_at, due_at)
    select $1[n.place], n.step_key, n.org, n.kind, n.name, n.input, clock_timestamp(),
           clock_timestamp() + n.micros * interval '1 microsecond'
    from whole, unnest($30::int[], $31::text[], $32::text[], $33::text[], $34::text[], $35::bytea[], $36::bigint[])
        as n (place, step_key, org, kind, name, input, micros)
    -- A run that ends waits for nothing any more.
    where whole.yes and whole.ok[n.place] and ($6::text[])[n.place] in ('go_on', 'suspend', 'park')
    on conflict do nothing
    returning due_at
),
changed as (
    update runs r
    set (append_number, state, worker, strikes, result, failure, parked, finished_at) = (
        select greatest(r.append_number, $4[p.place]),
               n.state,
               case when n.state = 'running' then r.worker end,
               case when $5[p.place] > 0 then 0 else r.strikes end,
               case when n.state = 'completed' then ($7::bytea[])[p.place] end,
               case when n.state in ('failed', 'cancelled') then ($7::bytea[])[p.place] end,
               case when n.state = 'parked' then ($8::text[])[p.place]::jsonb end,
               case when n.state in ('completed', 'failed', 'cancelled') then clock_timestamp() end
        from (select array_position($1, r.id) as place) p
        cross join lateral (select case ($6::text[])[p.place]
            when 'go_on' then 'running'
            -- More came from outside than the attempt has seen: it stays and is told.
            when 'suspend' then case when r.outside = ($39::int[])[p.place] then 'suspended' else 'running' end
            when 'complete' then 'completed'
            when 'fail' then 'failed'
            when 'cancel' then 'cancelled'
            when 'park' then 'parked'
        end as state) n
    )
    where r.id = any (array(
        select f.run_id from whole, fenced f
        where whole.yes and f.ok and (f.number > 0 or (f.strikes > 0 and f.row_count > 0))))
    returning r.id, r.org, r.state
),
released as (
    delete from held h where h.run_id = any (array(select id from changed where state <> 'running'))
),
cleared as (
    delete from waits w
    where w.run_id = any (array(select id from changed where state in ('completed', 'failed', 'cancelled')))
),
forgotten as (
    -- What a run kept for itself goes with it.
    delete from state s
    where s.org = any (array(select c.org from changed c where c.state in ('completed', 'failed', 'cancelled')))
      and s.scope = 'run'
      and s.owner = any (array(select c.id::text from changed c where c.state in ('completed', 'failed', 'cancelled')))
),
closed as (
    -- Batches that nobody waits for any longer. What they have under way may have come after this statement began: it is
    -- dropped by a later one, which is owed until then.
    update batches b
    set (status, cancelled, finished_at) = (select 'cancelled', b.total - b.completed - b.failed, clock_timestamp())
    where b.run_id = any (array(
            select $1[g.place] from whole, unnest($37::int[]) as g (place) where whole.yes and whole.ok[g.place]
            union all
            select c.id from changed c where c.state in ('completed', 'failed', 'cancelled')))
      and b.finished_at is null
      and (exists (
               select 1 from unnest($37::int[], $38::text[]) as g (place, step_key)
               where $1[g.place] = b.run_id and g.step_key = b.step_key)
           or exists (
               select 1 from changed c where c.id = b.run_id and c.state in ('completed', 'failed', 'cancelled')))
    returning b.run_id, b.step_key
)
select fence.ok as fenced,
       whole.yes as whole,
       array(select id from changed where state = 'running') as running,
       array(select id from changed where state in ('completed', 'failed', 'cancelled')) as ended,
       array(select run_id from closed) as closed_runs,
       array(select step_key from closed) as closed_keys,
       (extract(epoch from (select min(due_at) from waiting) - clock_timestamp()) * 1000000)::bigint as next_due
from fence, whole
