-- Writes what a worker says of a definition, unless a process that started later has said something of the same build; says
-- when the build's rollout began, and whether events may have been matched with something else before. $1 org, $2 kind, $3 name,
-- $4 build or '', $5 since, $6 description, $7 parameters, $8 input schema, $9 output schema, $10 triggers, $11 queue.
insert into definitions as d (org, kind, name, build, since, description, parameters, input_schema, output_schema, triggers,
                              queue, rollout)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, case when $4 = '' then $5 else now() end)
on conflict (org, kind, name, build) do update set
    since = excluded.since, description = excluded.description, parameters = excluded.parameters,
    input_schema = excluded.input_schema, output_schema = excluded.output_schema, triggers = excluded.triggers,
    queue = excluded.queue, seen_at = greatest(now(), d.seen_at),
    rollout = case when d.build = '' then excluded.since else d.rollout end,
    -- A process that names no build is a rollout of its own. A build that nobody had may come before others from now on: see
    -- definition_builds.sql.
    changed_at = case when d.build = '' or (d.parameters, d.input_schema) <> (excluded.parameters, excluded.input_schema)
                        or (d.seen_at <= now() - interval '1 minute'
                            and not exists (select 1 from workers w
                                            where w.org = d.org and w.ended_at is null and coalesce(w.build, '') = d.build
                                              and d.name = any (case d.kind when 'workflow' then w.workflows else w.functions end)))
                      then now() else d.changed_at end
where d.since <= excluded.since
returning d.rollout, d.changed_at = now() as changed
