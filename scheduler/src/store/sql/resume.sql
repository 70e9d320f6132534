-- Lets a run go on that is parked or paused; its lock is held. $1 run, $2 org, $3 the control's version or null.
with changed as (
    update runs r
    set parked = null, paused_at = null,
        strikes = case when r.state = 'parked' then 0 else r.strikes end,
        -- What waits in the backlog is fed from there: it may have a time before which it does not begin.
        state = case when r.state <> 'parked' then r.state
                     -- Nobody claims a run that is nothing but a batch: it waits for its items again.
                     when r.workflow = 'piton.batch' then 'suspended'
                     else 'queued' end,
        epoch = case when r.state = 'parked' and r.workflow <> 'piton.batch' then r.epoch + 1 else r.epoch end
    where r.id = $1 and r.org = $2 and (r.state = 'parked' or r.paused_at is not null)
    returning r.id, r.org, r.workflow, r.queue, r.build, r.epoch, r.state, r.worker
),
readied as (
    insert into ready (run_id, org, queue, build, epoch, published_at)
    select id, org, queue, build, epoch, clock_timestamp() from changed where state = 'queued'
),
unpaused as (
    update ready d set paused_at = null where d.run_id = any (array(select id from changed where state = 'backlog'))
),
ordered as (
    insert into controls (org, version, run_id, action, holders)
    select $2, $3, c.id, 'unpause', array_remove(array[c.worker], null) from changed c where $3::bigint is not null
)
select id, org, workflow, queue, build, epoch, state, worker from changed
