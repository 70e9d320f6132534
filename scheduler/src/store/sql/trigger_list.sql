-- A page of triggers, newest first. $1 org, $2 before this id or null, $3 workflow or null, $4 rows.
select t.id, t.org, t.workflow, t.place, t.kind, t.pattern, t.provider, t.endpoint, t.filter, t.input_rule, t.input_expression,
       t.queue, t.build, t.state, t.version, t.created_at, t.updated_at
from triggers t
where t.org = $1
  and t.id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  and ($3::text is null or t.workflow = $3)
order by t.id desc
limit $4
