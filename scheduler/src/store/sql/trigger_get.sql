-- One trigger. $1 trigger, $2 org.
select t.id, t.org, t.workflow, t.place, t.kind, t.pattern, t.provider, t.endpoint, t.filter, t.input_rule, t.input_expression,
       t.queue, t.build, t.state, t.version, t.created_at, t.updated_at
from triggers t
where t.id = $1 and t.org = $2
