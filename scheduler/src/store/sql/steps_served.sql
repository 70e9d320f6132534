-- Lets work wait for room again whose function a live worker has by now. $1 rows, $2 only by workers that registered within so
-- many microseconds, or null: by any.
with live as materialized (
    select distinct w.org, q.queue, b.build, n.function
    from workers w
    cross join lateral unnest(w.queues) as q (queue)
    cross join lateral (values (''), (coalesce(w.build, ''))) as b (build)
    cross join lateral unnest(w.functions) as n (function)
    where w.ended_at is null
      and w.registered_at > statement_timestamp() - coalesce($2 * interval '1 microsecond', interval '100 years')
      and exists (select 1 from dispatches d where d.stopped = 'unserved')
),
served as materialized (
    select d.place_of
    from live l
    cross join lateral (
        select d.ctid as place_of from dispatches d
        where d.stopped = 'unserved' and d.function = l.function and d.org = l.org and d.queue = l.queue
          and coalesce(d.build, '') = l.build
        order by d.run_id, d.step_key, d.item
        limit $1
        for no key update skip locked
    ) d
    limit $1
)
update dispatches d set stopped = null, offered_at = clock_timestamp() from served s where d.ctid = s.place_of
