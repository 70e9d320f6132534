-- Publishes work anew, with a new epoch, where nothing happened since it was looked at. $1–$4 the work and its epochs.
with free as materialized (
    select d.place_of
    from unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) as a (run_id, step_key, item, epoch)
    cross join lateral (
        select d.ctid as place_of
        from dispatches d
        where d.run_id = a.run_id and d.step_key = a.step_key and d.item = a.item and d.epoch = a.epoch
          and coalesce(d.published_at, '-infinity') > '-infinity'
        limit 1
        for no key update skip locked
    ) d
)
update dispatches d
set epoch = d.epoch + 1, published_at = clock_timestamp(), rounds = least(d.rounds + 1, 7), looked_at = null
from free f
where d.ctid = f.place_of
returning d.run_id, d.step_key, d.item, d.org, d.queue, d.build, d.function, d.epoch
