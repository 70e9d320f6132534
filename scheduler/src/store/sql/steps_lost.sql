-- Takes dispatched work out of a worker's hands: it is gone. The runs' locks are held. $1 the worker, $2 the runs,
-- $3 strikes to add, $4 the strikes that stop a step as poison. An item of a batch that has as many is failed before.
with lost as (
    update dispatches d
    set (stopped, strikes, struck_by, try_number, epoch, worker, hold, held_at, offered_at) = (
        select case
                   when d.item = 0 and $3 > 0 and d.strikes + $3 >= $4 then 'poison'
                   when (select r.paused_at from runs r where r.id = d.run_id) is not null then 'paused'
               end,
               d.strikes + $3,
               case when $3 > 0 then $1 else d.struck_by end,
               -- Whether its try began nobody knows: if it did, the next one is another.
               d.try_number + least($3, 1),
               d.epoch + 1, null::uuid, null::uuid, null::timestamptz, clock_timestamp()
    )
    where d.worker = $1 and d.worker is not null and d.run_id = any ($2)
    returning d.run_id, d.step_key, d.item, d.org, d.queue, d.build, d.function, d.epoch, d.stopped, d.strikes
)
select run_id, step_key, item, org, queue, build, function, epoch, stopped, strikes from lost
