-- How much of each queue is published, and how much waits in the backlog and may go, counted up to a bound: a deep
-- backlog is not read. $1 the bound.
with recursive lanes as (
    (
        select org, queue, coalesce(build, '') as build
        from ready
        where published_at is null and paused_at is null and unserved is null
        order by org, queue, coalesce(build, '')
        limit 1
    )
    union all
    select next.*
    from lanes l
    cross join lateral (
        select d.org, d.queue, coalesce(d.build, '') as build
        from ready d
        where d.published_at is null and d.paused_at is null and d.unserved is null
          and (d.org, d.queue, coalesce(d.build, '')) > (l.org, l.queue, l.build)
        order by d.org, d.queue, coalesce(d.build, '')
        limit 1
    ) next
),
counted as (
    select l.org, l.queue, l.build, 0 as published, w.runs as backlog
    from lanes l
    cross join lateral (
        select count(*) as runs
        from (
            select 1
            from ready d
            where d.published_at is null and d.paused_at is null and d.unserved is null
              and d.org = l.org and d.queue = l.queue and coalesce(d.build, '') = l.build
              and (d.not_before is null or d.not_before <= statement_timestamp())
            limit $1
        ) d
    ) w
    union all
    select org, queue, coalesce(build, ''), count(*), 0
    from ready
    where published_at is not null
    group by org, queue, coalesce(build, '')
)
select org, queue, nullif(build, '') as build, sum(published)::bigint as published, sum(backlog)::bigint as backlog
from counted
group by org, queue, build
