-- The task lies undelivered in its stream: look again later. $1 runs, $2 epochs.
--
-- It holds no run's lock, as publishes_reset, ready_served and ready_unserved hold none: a row that is locked this instant is
-- left alone, or this would wait in another order than those who come by the runs.
with free as materialized (
    select d.run_id
    from unnest($1::uuid[], $2::int[]) as s (run_id, epoch)
    cross join lateral (
        select d.run_id from ready d
        where d.run_id = s.run_id and d.epoch = s.epoch and d.published_at is not null
        limit 1
        for no key update skip locked
    ) d
)
update ready d
set looked_at = clock_timestamp()
where d.run_id = any (array(select run_id from free))
