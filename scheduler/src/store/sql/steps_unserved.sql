-- Stops waiting work whose function no live worker has, where nothing happened since it was looked at. $1–$4 the work and its
-- epochs, sorted.
with free as materialized (
    select d.place_of
    from unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) as a (run_id, step_key, item, epoch)
    cross join lateral (
        select d.ctid as place_of
        from dispatches d
        where d.run_id = a.run_id and d.step_key = a.step_key and d.item = a.item and d.epoch = a.epoch
          and coalesce(d.worker, d.hold) is null and coalesce(d.published_at, d.due_at) is null and coalesce(d.stopped, '') = ''
        limit 1
        for no key update skip locked
    ) d
)
update dispatches d
set stopped = 'unserved'
from free f
where d.ctid = f.place_of
returning d.run_id, d.step_key, d.item, d.org, d.queue, d.build, d.function, d.epoch
