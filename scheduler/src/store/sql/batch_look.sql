-- How batches stand, each with its run; the runs' locks are held. $1 runs, $2 keys.
select b.run_id, b.step_key, b.org, b.queue, b.build, b.function, b.ends, b.max_concurrency, b.on_failure, b.status,
       b.settled_at is not null as settled,
       b.total, b.sealed_at is not null as sealed, b.released, b.completed, b.failed, b.item_millis,
       coalesce((extract(epoch from clock_timestamp() - b.released_at) * 1000)::bigint, 0) as millis,
       r.state, r.paused_at is not null as paused, r.trace
from unnest($1::uuid[], $2::text[]) with ordinality as w (run_id, step_key, place)
cross join lateral (select * from batches b where b.run_id = w.run_id and b.step_key = w.step_key limit 1) b
cross join lateral (select r.state, r.paused_at, r.trace from runs r where r.id = w.run_id limit 1) r
order by w.place
