-- What is declared of a workflow, in its order. $1 org, $2 workflow.
select t.id, t.org, t.workflow, t.place, t.kind, t.pattern, t.provider, t.endpoint, t.filter, t.input_rule, t.input_expression,
       t.queue, t.build, t.state, t.version, t.created_at, t.updated_at
from triggers t
where t.org = $1 and t.workflow = $2 and t.place is not null order by t.place
