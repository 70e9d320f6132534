-- Registers a worker, or renews the same registration under the lease it has. $1 id … $11 step slots, $12 lease in microseconds.
insert into workers (id, org, name, host, process, build, queues, workflows, functions, run_slots, step_slots,
                     free_runs, free_steps, control_applied, beat_at, lease_until, lease_micros)
select $1, o.org, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, $11, o.control_version,
       clock_timestamp(), clock_timestamp() + $12 * interval '1 microsecond', $12
from orgs o
-- Nobody joins a disabled org; whoever is there may say so again.
where o.org = $2 and (o.disabled_at is null or exists (select from workers w where w.id = $1))
on conflict (id) do update set
    beat_at = excluded.beat_at,
    -- A lease is never shortened: the worker counts on what it was told.
    lease_until = greatest(workers.lease_until,
        excluded.beat_at + coalesce(workers.lease_micros, excluded.lease_micros) * interval '1 microsecond'),
    lease_micros = coalesce(workers.lease_micros, excluded.lease_micros)
where workers.ended_at is null and workers.org = excluded.org
returning control_applied, lease_micros
