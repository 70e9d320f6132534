-- How much dispatched work of each queue is published, and how much waits for room, counted up to a bound. $1 the bound.
with recursive lanes as (
    (
        select org, queue, coalesce(build, '') as build
        from dispatches
        where worker is null and published_at is null and due_at is null and stopped is null
        order by org, queue, coalesce(build, '')
        limit 1
    )
    union all
    select next.*
    from lanes l
    cross join lateral (
        select d.org, d.queue, coalesce(d.build, '') as build
        from dispatches d
        where d.worker is null and d.published_at is null and d.due_at is null and d.stopped is null
          and (d.org, d.queue, coalesce(d.build, '')) > (l.org, l.queue, l.build)
        order by d.org, d.queue, coalesce(d.build, '')
        limit 1
    ) next
),
counted as (
    select l.org, l.queue, l.build, 0 as published, w.steps as backlog
    from lanes l
    cross join lateral (
        select count(*) as steps
        from (
            select 1
            from dispatches d
            where d.worker is null and d.published_at is null and d.due_at is null and d.stopped is null
              and d.org = l.org and d.queue = l.queue and coalesce(d.build, '') = l.build
            limit $1
        ) d
    ) w
    union all
    select org, queue, coalesce(build, ''), count(*), 0
    from dispatches
    where published_at is not null
    group by org, queue, coalesce(build, '')
)
select org, queue, nullif(build, '') as build, sum(published)::bigint as published, sum(backlog)::bigint as backlog
from counted
group by org, queue, build
