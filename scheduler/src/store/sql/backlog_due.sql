-- The next runs of a queue's backlog, oldest first. $1 org, $2 queue, $3 build or null, $4 rows.
select d.run_id, r.workflow
from (
    select run_id
    from ready
    where published_at is null and paused_at is null and unserved is null
      and org = $1 and queue = $2 and coalesce(build, '') = coalesce($3, '')
      and (not_before is null or not_before <= clock_timestamp())
    order by run_id
    limit $4
) d
cross join lateral (select r.workflow from runs r where r.id = d.run_id limit 1) r
