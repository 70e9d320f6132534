-- Gives held runs back to their queues; their locks are held. $1 the runs, $2 the worker, $3 attempts to match or
-- nulls, $4 strikes to add, $5 the strikes that park a run that died alone, or null, $6 microseconds
-- to wait in the backlog first, or null to publish at once.
with solitary as materialized (
    select h.run_id from held h where h.worker = $2 and h.alone_since is not null
),
changed as (
    update runs r
    set (state, parked, strikes) = (
            select n.state,
                   case when n.state = 'parked' then jsonb_build_object('code', 'poison', 'strikes', s.strikes) end,
                   s.strikes
            from (select (select run_id from solitary) as run_id offset 0) alone
            cross join lateral (select r.strikes + case
                when alone.run_id = r.id then $4
                -- It had not begun: it waited for the end of another's solitude, or for its own to begin.
                when alone.run_id is not null or r.strikes + 1 >= $5::int then 0
                else $4
            end as strikes) s
            cross join lateral (select case
                when $4 > 0 and alone.run_id = r.id and s.strikes >= $5::int then 'parked'
                when $6::bigint is not null or r.paused_at is not null then 'backlog'
                else 'queued'
            end as state) n
        ),
        epoch = r.epoch + 1,
        worker = null
    where r.id = any ($1) and r.worker = $2 and r.state = 'running'
      and (($3::uuid[])[array_position($1, r.id)] is null or r.attempt = ($3::uuid[])[array_position($1, r.id)])
    returning r.id, r.org, r.workflow, r.queue, r.build, r.epoch, r.state, r.strikes, r.paused_at
),
released as (
    delete from held h where h.run_id = any (array(select id from changed))
),
readied as (
    insert into ready (run_id, org, queue, build, epoch, not_before, published_at, paused_at)
    select id, org, queue, build, epoch,
           case when state = 'backlog' then clock_timestamp() + $6 * interval '1 microsecond' end,
           case when state = 'queued' then clock_timestamp() end,
           paused_at
    from changed
    where state <> 'parked'
    on conflict (run_id) do nothing
)
select id, org, workflow, queue, build, epoch, state, strikes from changed
