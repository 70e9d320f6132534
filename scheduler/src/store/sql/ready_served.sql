-- Puts runs into the backlog again whose workflow a live worker has by now. $1 rows, $2 only by workers that registered within so
-- many microseconds, or null: by any.
with live as materialized (
    select distinct w.org, q.queue, b.build, n.workflow
    from workers w
    cross join lateral unnest(w.queues) as q (queue)
    cross join lateral (values (''), (coalesce(w.build, ''))) as b (build)
    cross join lateral unnest(w.workflows) as n (workflow)
    where w.ended_at is null
      and w.registered_at > statement_timestamp() - coalesce($2 * interval '1 microsecond', interval '100 years')
      and exists (select 1 from ready d where d.unserved is not null)
),
served as materialized (
    select d.run_id
    from live l
    cross join lateral (
        select d.run_id from ready d
        where d.unserved = l.workflow and d.org = l.org and d.queue = l.queue and coalesce(d.build, '') = l.build
        order by d.run_id
        limit $1
        for no key update skip locked
    ) d
    limit $1
)
update ready d set unserved = null where d.run_id = any (array(select run_id from served))
