-- Gives held runs back to their queues; their locks are held. $1 the runs, $2 the worker, $3 attempts to match or
-- nulls; what the end of its lease means for a run, or nothing: $4 strikes, $5 company, $6 whether it is parked; $7
-- microseconds to wait in the backlog first, or null to publish at once.
with changed as (
    update runs r
    set (state, parked, strikes, company, struck_by) = (
            select case
                       when v.park then 'parked'
                       when $7::bigint is not null or r.paused_at is not null then 'backlog'
                       else 'queued'
                   end,
                   case when v.park then jsonb_build_object('code', 'poison', 'strikes', v.strikes) end,
                   coalesce(v.strikes, r.strikes),
                   case when v.strikes is null then r.company else v.company end,
                   case when v.strikes is null then r.struck_by else $2 end
            from (select array_position($1, r.id) as place offset 0) p
            cross join lateral (select ($4::smallint[])[p.place] as strikes, ($5::int[])[p.place] as company,
                                       coalesce(($6::boolean[])[p.place], false) as park) v
        ),
        epoch = r.epoch + 1,
        worker = null
    where r.id = any ($1) and r.worker = $2 and r.state = 'running'
      and (($3::uuid[])[array_position($1, r.id)] is null or r.attempt = ($3::uuid[])[array_position($1, r.id)])
    returning r.id, r.org, r.workflow, r.queue, r.build, r.epoch, r.state, r.strikes, r.company, r.paused_at
),
released as (
    delete from held h where h.run_id = any (array(select id from changed))
),
readied as (
    insert into ready (run_id, org, queue, build, epoch, not_before, published_at, paused_at)
    select id, org, queue, build, epoch,
           case when state = 'backlog' then clock_timestamp() + $7 * interval '1 microsecond' end,
           case when state = 'queued' then clock_timestamp() end,
           paused_at
    from changed
    where state <> 'parked'
    on conflict (run_id) do nothing
)
select id, org, workflow, queue, build, epoch, state, strikes, company from changed
