-- Grants dispatched work to a worker: one statement for all it was told of. $1 the worker, $2–$6 the asks, sorted.
--
-- No run is locked: whatever stops the work, or takes it back, has marked or deleted its row. A row that somebody
-- holds this instant is being changed by one of those, and is not granted.
with alive as materialized (
    select w.id, w.org from workers w where w.id = $1 and coalesce(w.ended_at, 'infinity') = 'infinity' for key share
),
free as materialized (
    select d.place_of, a.hold
    from alive v
    cross join unnest($2::uuid[], $3::text[], $4::int[], $5::int[], $6::uuid[]) as a (run_id, step_key, item, epoch, hold)
    cross join lateral (
        select d.ctid as place_of, d.org
        from dispatches d
        where d.run_id = a.run_id and d.step_key = a.step_key and d.item = a.item
          and ((d.epoch = a.epoch and d.worker is null and d.due_at is null and d.stopped is null)
               -- The answer to this very claim was lost, or came late. What is paused since then must not begin.
               or (d.hold = a.hold and d.worker = v.id
                   and (select r.paused_at from runs r where r.id = d.run_id limit 1) is null))
        limit 1
        for no key update skip locked
    ) d
    where d.org = v.org
),
granted as (
    update dispatches d
    set worker = $1, hold = f.hold, held_at = coalesce(d.held_at, clock_timestamp()), published_at = null, rounds = 0
    from free f
    where d.ctid = f.place_of
    returning d.run_id, d.step_key, d.item, d.epoch, d.hold, d.function, d.input, d.terms, d.try_number, d.failed_tries,
              d.first_started_at, d.offered_at
)
select g.run_id, g.step_key, g.item, g.epoch, g.hold, g.function, g.input, g.terms, g.try_number, g.failed_tries,
       g.first_started_at, g.offered_at, r.trace,
       (extract(epoch from clock_timestamp() - g.offered_at) * 1000000)::bigint as lag_micros,
       (select o.control_version from orgs o where o.org = (select v.org from alive v)) as control_version
from granted g
cross join lateral (select r.trace from runs r where r.id = g.run_id limit 1) r
