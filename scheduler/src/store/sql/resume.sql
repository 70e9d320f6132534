-- Queues a parked run again; its lock is held. $1 run, $2 org.
with changed as (
    update runs r
    set state = 'queued', parked = null, epoch = r.epoch + 1, strikes = 0
    where r.id = $1 and r.org = $2 and r.state = 'parked'
    returning r.id, r.org, r.workflow, r.queue, r.build, r.epoch
),
readied as (
    insert into ready (run_id, org, queue, build, epoch, published_at)
    select id, org, queue, build, epoch, clock_timestamp() from changed
)
select id, org, workflow, queue, build, epoch, 'queued' as state from changed
