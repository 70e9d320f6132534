-- Notes who declares a workflow's triggers; nothing comes back if a process that started later did. $1 org, $2 workflow,
-- $3 since.
insert into trigger_declarations as d (org, workflow, since) values ($1, $2, $3)
on conflict (org, workflow) do update set since = excluded.since where d.since <= excluded.since
returning d.since
