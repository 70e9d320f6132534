-- Gives the next items of batches away; the locks of their runs are held. $1 runs, $2 keys, $3 the first item of each
-- batch, $4 the last; $5–$8 the slots that were found for them: the place of the batch from 1, the item, the worker, the
-- hold. $9 bytes of inputs to answer with: what has no room is read apart.
--
-- An item without a slot, or whose worker has died meanwhile, waits for one in the backlog.
with released as materialized (
    select w.run_id, w.step_key, w.first, w.last, w.place, b.at, b.org, b.queue, b.build, b.function, b.terms
    from unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) with ordinality as w (run_id, step_key, first, last, place)
    cross join lateral (
        select b.ctid as at, b.org, b.queue, b.build, b.function, b.terms
        from batches b
        where b.run_id = w.run_id and b.step_key = w.step_key and b.status = 'running' and b.released = w.first - 1
        limit 1
    ) b
),
alive as materialized (
    select w.id from workers w
    where w.id = any (array(select distinct s.worker from unnest($7::uuid[]) as s (worker) order by s.worker))
      and coalesce(w.ended_at, 'infinity') = 'infinity'
    -- Never waits: whoever ends a lease holds the row and waits for runs.
    for key share skip locked
),
slots as materialized (
    select s.* from unnest($5::int[], $6::int[], $7::uuid[], $8::uuid[]) as s (place, item, worker, hold)
    where s.worker in (select id from alive)
),
marked as (
    update batches b
    set (released, released_at) = (
        select r.last, coalesce(b.released_at, clock_timestamp()) from released r where r.at = b.ctid
    )
    where b.ctid = any (array(select at from released))
),
items as materialized (
    select r.run_id, r.step_key, i.item, r.org, r.queue, r.build, r.function, r.terms, i.input, s.worker, s.hold
    from released r
    cross join lateral (
        select i.item, i.input
        from batch_items i
        where i.run_id = r.run_id and i.step_key = r.step_key and i.item between r.first and r.last
        order by i.item
        limit r.last - r.first + 1
    ) i
    left join slots s on s.place = r.place and s.item = i.item
),
given as (
    insert into dispatches (run_id, step_key, item, org, queue, build, function, input, terms, epoch, worker, hold, held_at)
    select run_id, step_key, item, org, queue, build, function, input, terms, 1, worker, hold,
           case when worker is not null then clock_timestamp() end
    from items
)
select i.run_id, i.step_key, i.item, i.queue, i.build, i.function, i.terms, i.worker, i.hold,
       case when sum(octet_length(i.input)) over (order by i.run_id, i.step_key, i.item) <= $9 then i.input end as input,
       (select max(o.control_version) from orgs o where o.org = i.org) as control_version
from items i
