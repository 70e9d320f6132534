-- Cancels a run that never began; its lock is held. $1 run, $2 the failure.
with ended as (
    update runs set state = 'cancelled', cancel_asked_at = clock_timestamp(), finished_at = clock_timestamp(),
                    failure = $2, parked = null, paused_at = null, worker = null
    where id = $1
    returning id
),
unready as (delete from ready d using ended e where d.run_id = e.id)
select id from ended
