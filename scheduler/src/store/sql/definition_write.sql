-- Writes what a worker says of a definition, unless a process that started later has said something of the same build; says
-- when the build's rollout began. $1 org, $2 kind, $3 name, $4 build or '', $5 since, $6 description, $7 parameters, $8 input
-- schema, $9 output schema, $10 triggers.
insert into definitions as d (org, kind, name, build, since, description, parameters, input_schema, output_schema, triggers,
                              rollout)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case when $4 = '' then $5 else now() end)
on conflict (org, kind, name, build) do update set
    since = excluded.since, description = excluded.description, parameters = excluded.parameters,
    input_schema = excluded.input_schema, output_schema = excluded.output_schema, triggers = excluded.triggers,
    rollout = case when d.build = '' then excluded.since else d.rollout end, seen_at = greatest(now(), d.seen_at)
where d.since <= excluded.since
returning d.rollout
