-- What no commit may ever leave behind. One row for each run and rule that is broken.
with places as (
    select r.*, d.run_id is not null as is_ready, d.epoch as ready_epoch, d.published_at, d.queue as ready_queue,
           d.org as ready_org, d.build as ready_build,
           h.run_id is not null as is_held, h.worker as held_by, h.attempt as held_under,
           exists (select 1 from waits w where w.run_id = r.id)
             or exists (select 1 from batches b where b.run_id = r.id and b.status = 'running') as is_waiting,
           exists (
               select 1 from dispatches w
               where w.run_id = r.id
                 -- What a closed batch had under way is dropped by a look that it owes.
                 and not exists (
                     select 1 from batches b
                     where b.run_id = w.run_id and b.step_key = w.step_key and b.finished_at is not null and b.settled_at is null)
           ) as is_dispatched,
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
  -- What a closed batch had under way is dropped by a look that it owes.
  and not exists (
      select 1 from batches b
      where b.run_id = d.run_id and b.step_key = d.step_key and b.finished_at is not null and b.settled_at is null)
union all
select run_id, 'a journal without a run' from journal j where not exists (select 1 from runs r where r.id = j.run_id)
union all
select run_id, 'an item under way without a batch' from dispatches d
where item > 0 and not exists (select 1 from batches b where b.run_id = d.run_id and b.step_key = d.step_key)
union all
select b.run_id, rule
from batches b
join runs r on r.id = b.run_id
cross join lateral (
    select count(*) as under_way from dispatches d where d.run_id = b.run_id and d.step_key = b.step_key
) d
cross join lateral (
    select count(result) as completed, count(failure) as failed from batch_results e where e.run_id = b.run_id and e.step_key = b.step_key
) e
cross join lateral (
    select count(*) as items, coalesce(max(item), 0) as last from batch_items i where i.run_id = b.run_id and i.step_key = b.step_key
) i
cross join lateral (values
    ('no more of a batch is under way than its bound', d.under_way > b.max_concurrency),
    ('what a batch gave away is under way or has ended', b.status = 'running' and d.under_way <> b.released - b.completed - b.failed),
    ('nothing of a settled batch is under way', b.settled_at is not null and d.under_way > 0),
    ('no item is under way and has ended', exists (
        select 1 from dispatches d
        join batch_results e on e.run_id = d.run_id and e.step_key = d.step_key and e.item = d.item
        where d.run_id = b.run_id and d.step_key = b.step_key)),
    ('the counts of a batch are its rows', e.completed <> b.completed or e.failed <> b.failed),
    ('items are numbered without a gap', i.items <> b.total or i.last <> b.total),
    ('a batch ends with its run', r.finished_at is not null and b.finished_at is null),
    ('a batch that was not cancelled has told its run', b.ends = 'call' and b.status not in ('running', 'cancelled') and not exists (
        select 1 from journal j where j.run_id = b.run_id and j.step_key = b.step_key and j.kind = 'batch'))
) as rules (rule, broken)
where broken
union all
select r.id, 'a run is listed by its state if few are in it, and by no other'
from runs r
where (select array_agg(s.state) from runs_by_state s where s.run_id = r.id)
    is distinct from case when r.state in ('parked', 'failed', 'cancelled', 'killed') then array[r.state] end
union all
select r.id, 'a run is listed by its tags'
from runs r
where array(select t.tag from runs_by_tag t where t.run_id = r.id order by t.tag) <> array(select distinct unnest(r.tags) order by 1)
order by 1, 2
