-- What no commit may ever leave behind. One row for each run and rule that is broken.
with places as (
    select r.*, d.run_id is not null as is_ready, d.epoch as ready_epoch, d.published_at, d.queue as ready_queue,
           d.org as ready_org, d.build as ready_build,
           h.run_id is not null as is_held, h.worker as held_by, h.attempt as held_under,
           exists (select 1 from waits w where w.run_id = r.id)
             or exists (select 1 from batches b where b.run_id = r.id and b.status = 'running') as is_waiting,
           exists (select 1 from dispatches w where w.run_id = r.id) as is_dispatched,
           d.paused_at as ready_paused_at,
           j.outside_count, j.outside_max, j.own_count, j.own_max, j.own_distinct
    from runs r
    left join ready d on d.run_id = r.id
    left join held h on h.run_id = r.id
    cross join lateral (
        select count(outside) as outside_count, coalesce(max(outside), 0) as outside_max,
               count(own) as own_count, coalesce(max(own), 0) as own_max, count(distinct own) as own_distinct
        from journal where run_id = r.id
    ) j
)
select id, rule
from places
cross join lateral (values
    ('a run in the backlog or queued stands in ready alone', state in ('backlog', 'queued') and (not is_ready or is_held)),
    ('a running run is held and nowhere else', state = 'running' and (is_ready or not is_held)),
    ('a suspended run waits for something and is nowhere else', state = 'suspended' and (is_ready or is_held or not (is_waiting or is_dispatched))),
    ('a parked run is neither ready nor held', state = 'parked' and (is_ready or is_held)),
    ('an ended run stands nowhere',
        state in ('completed', 'failed', 'cancelled', 'killed') and (is_ready or is_held or is_waiting or is_dispatched)),
    ('a queued run was published', state = 'queued' and published_at is null),
    ('a run in the backlog was not', state = 'backlog' and published_at is not null),
    ('a paused run in the backlog is passed over', is_ready and (paused_at is null) <> (ready_paused_at is null)),
    ('its epoch is the one in ready', is_ready and ready_epoch <> epoch),
    ('its queue is the one in ready',
        is_ready and (ready_queue <> queue or ready_org <> org or ready_build is distinct from build)),
    ('its hold is the one in held', is_held and (held_by is distinct from worker or held_under is distinct from attempt)),
    ('its holder lives', state = 'running' and not exists (select 1 from workers w where w.id = worker and w.ended_at is null)),
    ('rows from outside are numbered without a gap', outside_count <> outside or outside_max <> outside),
    ('own rows are numbered without a gap', own_max <> own_count or own_distinct <> own_count)
) as rules (rule, broken)
where broken
union all
select run_id, 'ready without a run' from ready d where not exists (select 1 from runs r where r.id = d.run_id)
union all
select run_id, 'held without a run' from held h where not exists (select 1 from runs r where r.id = h.run_id)
union all
select run_id, 'a wait without a run' from waits w where not exists (select 1 from runs r where r.id = w.run_id)
union all
select run_id, 'a dispatched step without a run' from dispatches d where not exists (select 1 from runs r where r.id = d.run_id)
union all
select d.run_id, 'dispatched and answered' from dispatches d join journal j on j.run_id = d.run_id and j.step_key = d.step_key
union all
select d.run_id, 'executed by nobody who lives' from dispatches d
where d.worker is not null and not exists (select 1 from workers w where w.id = d.worker and w.ended_at is null)
union all
select d.run_id, 'given away though paused' from dispatches d join runs r on r.id = d.run_id
where r.paused_at is not null and d.worker is null and d.stopped is null
union all
select d.run_id, 'paused without its run' from dispatches d join runs r on r.id = d.run_id
where r.paused_at is null and d.stopped = 'paused'
union all
select run_id, 'a journal without a run' from journal j where not exists (select 1 from runs r where r.id = j.run_id)
order by 1, 2
