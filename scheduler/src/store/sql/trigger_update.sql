-- Changes a trigger, under its org's lock. $1 trigger, $2–$11 what it is from now on, $12 the version.
update triggers t
set kind = $2, pattern = $3, provider = $4, endpoint = $5, filter = $6, input_rule = $7, input_expression = $8,
    queue = $9, build = $10, state = $11, version = $12, updated_at = now()
where t.id = $1
returning t.id, t.org, t.workflow, t.place, t.kind, t.pattern, t.provider, t.endpoint, t.filter, t.input_rule, t.input_expression,
          t.queue, t.build, t.state, t.version, t.created_at, t.updated_at
