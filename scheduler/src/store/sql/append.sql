-- The hot append: one statement, one commit, for many runs. Each append is written whole or not at all.
--
-- $1–$8 the appends, sorted by run; $9–$21 their rows, each with its org and the place of its append; $22–$29
-- failed tries; $30–$36 new waits; $37–$38 withdrawn calls; $39 the rows from outside that a suspend has seen; $40–$46
-- steps to be given away, $48–$50 what they were tried before; $47 how much of what can wake a run each append brings.
-- Places count from 1.
--
-- No join here has a choice: runs are found by one index lookup each (lateral with limit) or by an array of keys,
-- and what belongs together is matched by its place in the arrays. So the plan is the same on an empty, a never
-- analysed and a large table; a test shows it.
with asked as materialized (
    select *
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::text[], $39::int[], $47::int[]) with ordinality
        as a (run_id, attempt, worker, number, row_count, next, seen, brings, place)
),
-- Locks in the order given. What the lock returns is the newest version of the row, also after a wait.
locked as materialized (
    select a.*, r.id is not null as mine, coalesce(r.strikes, 0) as strikes, r.outside, r.queue, r.build, r.epoch, r.paused_at
    from asked a
    left join lateral (
        select r.id, r.strikes, r.outside, r.queue, r.build, r.epoch, r.paused_at
        from runs r
        where r.id = a.run_id and r.attempt = a.attempt and r.worker = a.worker and r.state = 'running'
          and (a.number = 0 or a.number = r.append_number + 1)
        limit 1
        -- A run that is locked this instant is set aside; the next look tells it from one that was lost.
        for no key update skip locked
    ) r on true
),
-- Rows that stand there already. Those of the same attempt are a repeat, whose answer was lost.
there as materialized (
    select k.place, other.attempt is distinct from $2[k.place] as others
    from unnest($9::int[], $10::text[]) as k (place, step_key)
    cross join lateral (
        select j.attempt from journal j where j.run_id = $1[k.place] and j.step_key = k.step_key limit 1
    ) other
),
fenced as materialized (
    select l.*, case
        when not l.mine then 'lost'
        -- An outcome came between this statement's snapshot and the lock: it is not to be seen here, and neither is that what
        -- is to be given away has it. The append is set aside, and tried again it sees.
        when l.place = any ($40) and l.outside <> (select r.outside from runs r where r.id = l.run_id limit 1) then 'lost'
        when l.place = any (array(select place from there where others)) then 'taken'
        when l.next <> 'suspend' or l.brings > 0 or l.outside <> l.seen then 'written'
        -- A run that leaves memory with nothing that could wake it would hang in silence.
        when (select true from waits w
              where w.run_id = l.run_id
                and (select true from unnest($37::int[], $38::text[]) as g (place, step_key)
                     where g.place = l.place and g.step_key = w.step_key limit 1) is null
              limit 1) then 'written'
        when (select true from dispatches d
              where d.run_id = l.run_id
                and (select true from unnest($37::int[], $38::text[]) as g (place, step_key)
                     where g.place = l.place and g.step_key = d.step_key limit 1) is null
              limit 1) then 'written'
        when (select true from batches b
              where b.run_id = l.run_id and coalesce(b.finished_at, 'infinity') = 'infinity'
                and (select true from unnest($37::int[], $38::text[]) as g (place, step_key)
                     where g.place = l.place and g.step_key = b.step_key limit 1) is null
              limit 1) then 'written'
        else 'sleepless'
    end as outcome
    from locked l
),
fence as materialized (
    select array_agg(outcome order by place) as outcomes,
           array_agg(outcome = 'written' order by place) as ok,
           array_agg(queue order by place) as queues,
           array_agg(build order by place) as builds,
           array_agg(epoch order by place) as epochs,
           array_agg(paused_at order by place) as paused,
           (select count(*) from there) = 0 as all_new
    from fenced
),
inserted as (
    -- Whatever stands there unseen by this statement breaks it as a whole: it is tried again and sees.
    insert into journal (run_id, step_key, org, kind, name, input, result, failure, own, after, attempt, worker,
                         try_number, started_at, finished_at)
    select $1[e.place], e.step_key, e.org, e.kind, e.name, e.input, e.result, e.failure, e.own, e.after, $2[e.place], $3[e.place],
           e.try_number, e.started_at, e.finished_at
    from fence, unnest($9::int[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bytea[], $15::bytea[], $16::bytea[],
                $17::int[], $18::int[], $19::int[], $20::timestamptz[], $21::timestamptz[])
        as e (place, step_key, org, kind, name, input, result, failure, own, after, try_number, started_at, finished_at)
    where fence.ok[e.place]
      and (fence.all_new
           or (select true from journal j where j.run_id = $1[e.place] and j.step_key = e.step_key limit 1) is null)
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
        from fence
        cross join unnest($37::int[], $38::text[]) as g (place, step_key)
        cross join lateral (
            select w.ctid from waits w where w.run_id = $1[g.place] and w.step_key = g.step_key limit 1
        ) found
        where fence.ok[g.place]))
),
dropped as (
    -- These are moved by claims that hold no run's lock: they are found by their keys, and each run's by its own.
    delete from dispatches d
    where d.run_id = any (array(
            select $1[g.place] from fence, unnest($37::int[], $38::text[]) as g (place, step_key) where fence.ok[g.place]))
      and d.step_key = any (array(
            select g.step_key from fence, unnest($37::int[], $38::text[]) as g (place, step_key) where fence.ok[g.place]))
      and (d.run_id || d.step_key) = any (array(
            select $1[g.place] || g.step_key from unnest($37::int[], $38::text[]) as g (place, step_key)))
    returning d.run_id, d.step_key, d.item, d.worker, d.hold
),
cancelled as (
    update batches b
    set status = 'cancelled', finished_at = clock_timestamp(), cancelled = b.total - b.completed - b.failed
    where b.run_id = any (array(
            select $1[g.place] from fence, unnest($37::int[], $38::text[]) as g (place, step_key) where fence.ok[g.place]))
      and b.step_key = any (array(
            select g.step_key from fence, unnest($37::int[], $38::text[]) as g (place, step_key) where fence.ok[g.place]))
      and (b.run_id || b.step_key) = any (array(
            select $1[g.place] || g.step_key from unnest($37::int[], $38::text[]) as g (place, step_key)))
      and b.status = 'running'
),
waiting as (
    insert into waits (run_id, step_key, org, kind, name, input, set_at, due_at)
    select $1[n.place], n.step_key, n.org, n.kind, n.name, n.input, clock_timestamp(),
           clock_timestamp() + n.micros * interval '1 microsecond'
    from fence, unnest($30::int[], $31::text[], $32::text[], $33::text[], $34::text[], $35::bytea[], $36::bigint[])
        as n (place, step_key, org, kind, name, input, micros)
    -- A run that ends waits for nothing any more.
    where fence.ok[n.place] and ($6::text[])[n.place] in ('go_on', 'suspend', 'park')
    on conflict do nothing
    returning due_at
),
dispatched as (
    -- Its epochs go on from the run's: (epoch, try) of a try is higher than of any that a holder of the run has made.
    insert into dispatches (run_id, step_key, item, org, queue, build, function, input, terms, stopped, epoch, failed_tries,
                            try_number, first_started_at)
    select $1[n.place], n.step_key, 0, n.org, coalesce(n.queue, fence.queues[n.place]), fence.builds[n.place], n.function, n.input,
           n.terms, case when fence.paused[n.place] is not null then 'paused' end, fence.epochs[n.place], n.failed_tries,
           n.try_number, n.first_started_at
    from fence, unnest($40::int[], $41::text[], $42::text[], $43::text[], $44::text[], $45::bytea[], $46::bytea[], $48::int[],
                $49::int[], $50::timestamptz[])
        as n (place, step_key, org, function, queue, input, terms, failed_tries, try_number, first_started_at)
    where fence.ok[n.place] and ($6::text[])[n.place] in ('go_on', 'suspend', 'park')
      -- What has its answer already is told and not executed again.
      and (select true from journal j where j.run_id = $1[n.place] and j.step_key = n.step_key limit 1) is null
    on conflict (run_id, step_key, item) do nothing
    returning run_id, step_key, item, org, queue, build, function, epoch, stopped
),
changed as (
    update runs r
    set (append_number, state, worker, strikes, result, failure, parked, finished_at, paused_at) = (
        select greatest(r.append_number, $4[p.place]),
               n.state,
               case when n.state = 'running' then r.worker end,
               case when $5[p.place] > 0 then 0 else r.strikes end,
               case when n.state = 'completed' then ($7::bytea[])[p.place] end,
               case when n.state in ('failed', 'cancelled') then ($7::bytea[])[p.place] end,
               case when n.state = 'parked' then ($8::text[])[p.place]::jsonb end,
               case when n.state in ('completed', 'failed', 'cancelled') then clock_timestamp() end,
               case when n.state not in ('completed', 'failed', 'cancelled') then r.paused_at end
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
        select f.run_id from fenced f
        where f.outcome = 'written' and (f.number > 0 or (f.strikes > 0 and f.row_count > 0))))
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
    where s.org = any (array(select org from changed where state in ('completed', 'failed', 'cancelled')))
      and s.scope = 'run'
      and s.owner = any (array(select id::text from changed where state in ('completed', 'failed', 'cancelled')))
),
cleared_steps as (
    delete from dispatches d
    where d.run_id = any (array(select id from changed where state in ('completed', 'failed', 'cancelled')))
    returning d.run_id, d.step_key, d.item, d.worker, d.hold
),
cleared_batches as (
    update batches b
    set status = 'cancelled', finished_at = clock_timestamp(), cancelled = b.total - b.completed - b.failed
    where b.run_id = any (array(select id from changed where state in ('completed', 'failed', 'cancelled')))
      and b.status = 'running'
),
-- Those whose results nobody waits for any more, by who executes them.
gone as materialized (
    select run_id, step_key, item, worker, hold from dropped where worker is not null
    union all
    select run_id, step_key, item, worker, hold from cleared_steps where worker is not null
),
offered as materialized (
    select * from dispatched where stopped is null
)
select fence.outcomes,
       array(select id from changed where state = 'running') as running,
       array(select id from changed where state in ('completed', 'failed', 'cancelled')) as ended,
       (extract(epoch from (select min(due_at) from waiting) - clock_timestamp()) * 1000000)::bigint as next_due,
       array(select run_id from offered) as offered_run,
       array(select step_key from offered) as offered_key,
       array(select item from offered) as offered_item,
       array(select org from offered) as offered_org,
       array(select queue from offered) as offered_queue,
       array(select build from offered) as offered_build,
       array(select function from offered) as offered_function,
       array(select epoch from offered) as offered_epoch,
       array(select run_id from gone) as gone_run,
       array(select step_key from gone) as gone_key,
       array(select item from gone) as gone_item,
       array(select worker from gone) as gone_worker,
       array(select hold from gone) as gone_hold
from fence
