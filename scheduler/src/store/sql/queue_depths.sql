-- How much of each queue is published and how much waits in the backlog and may go.
select org, queue, build,
       count(*) filter (where published_at is not null) as published,
       count(*) filter (where published_at is null and (not_before is null or not_before <= clock_timestamp())) as backlog
from ready
group by org, queue, build
