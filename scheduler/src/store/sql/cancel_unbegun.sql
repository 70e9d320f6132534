-- Cancels a run that never began; its lock is held. $1 run, $2 the failure.
with ended as (
    update runs set state = 'cancelled', cancel_asked_at = clock_timestamp(), finished_at = clock_timestamp(),
                    failure = $2, parked = null, paused_at = null, worker = null
    where id = $1
    returning id
),
unready as (delete from ready d using ended e where d.run_id = e.id),
-- A run that is nothing but a batch never begins.
closed as (
    update batches b
    set (status, cancelled, finished_at) = (select 'cancelled', b.total - b.completed - b.failed, clock_timestamp())
    where b.run_id = any (array(select id from ended)) and b.finished_at is null
)
select id from ended
