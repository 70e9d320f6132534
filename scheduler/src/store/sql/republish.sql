-- Publishes anew, with a new epoch, runs whose locks are held. $1 runs, $2 the epochs that were looked at.
with changed as (
    update runs r
    set epoch = r.epoch + 1
    from unnest($1::uuid[], $2::int[]) as s (run_id, epoch)
    where r.id = s.run_id and r.epoch = s.epoch and r.state = 'queued'
    returning r.id, r.org, r.workflow, r.queue, r.build, r.epoch
)
update ready d
set epoch = c.epoch, published_at = clock_timestamp(), rounds = least(d.rounds + 1, 7), looked_at = null
from changed c
where d.run_id = c.id
returning c.id, c.org, c.workflow, c.queue, c.build, c.epoch, 'queued' as state
