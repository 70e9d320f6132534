-- Renews leases, a batch at a time, by the database's clock. $1–$6 one array a column, $7 lease in microseconds.
with beating as materialized (
    select w.id, b.intent, b.free_runs, b.free_steps, b.control_applied, b.under_way
    from unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::bigint[], $6::text[])
        as b (worker, intent, free_runs, free_steps, control_applied, under_way)
    join workers w on w.id = b.worker
    where w.ended_at is null
    order by w.id
    for no key update of w
)
update workers w
set beat_at = clock_timestamp(),
    lease_until = clock_timestamp() + $7 * interval '1 microsecond',
    intent = b.intent, free_runs = b.free_runs, free_steps = b.free_steps,
    control_applied = greatest(w.control_applied, b.control_applied),
    under_way = b.under_way::jsonb
from beating b
where w.id = b.id and w.ended_at is null
returning w.id, w.org, (select o.control_version from orgs o where o.org = w.org) as control_version
