-- Takes the lock of a workflow's declared schedules; no row if a later process declared them. $1 org, $2 workflow, $3 since.
insert into schedule_declarations as d (org, workflow, since) values ($1, $2, $3)
on conflict (org, workflow) do update set since = excluded.since where d.since <= excluded.since
returning d.since, now() as now
