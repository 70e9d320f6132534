-- Publishes runs of the backlog whose locks are held. $1 the runs.
with changed as (
    update runs r
    set state = 'queued', epoch = r.epoch + 1
    where r.id = any ($1) and r.state = 'backlog' and r.paused_at is null
    returning r.id, r.org, r.workflow, r.queue, r.build, r.epoch
)
update ready d
set epoch = c.epoch, published_at = clock_timestamp(), unserved = null, looked_at = null
from changed c
where d.run_id = c.id
returning c.id, c.org, c.workflow, c.queue, c.build, c.epoch, 'queued' as state
