-- Renews leases, a batch at a time, by the database's clock, each for as long as its worker was told when it registered.
-- $1–$6 one array a column, sorted by worker, $7 lease in microseconds of those whose registration does not say.
with beating as materialized (
    select w.id
    from unnest($1::uuid[]) as b (worker)
    cross join lateral (
        -- Written so that only the primary key answers it, as everywhere where a worker is looked up.
        select w.id from workers w where w.id = b.worker and coalesce(w.ended_at, 'infinity') = 'infinity'
        limit 1
        for no key update
    ) w
)
update workers w
set (beat_at, lease_until, intent, free_runs, free_steps, control_applied, under_way) = (
    select clock_timestamp(), clock_timestamp() + coalesce(w.lease_micros, $7) * interval '1 microsecond',
           ($2::text[])[b.place], ($3::int[])[b.place], ($4::int[])[b.place],
           greatest(w.control_applied, ($5::bigint[])[b.place]), ($6::text[])[b.place]::jsonb
    from (select array_position($1, w.id) as place) b
)
where w.id = any (array(select id from beating))
returning w.id, w.org, (select o.control_version from orgs o where o.org = w.org) as control_version
