-- The triggers of orgs that count, each org's with the version they stand under. $1 orgs.
select o.org as of_org, o.trigger_version, t.id, t.org, t.workflow, t.place, t.kind, t.pattern,
       t.provider, t.endpoint, t.filter, t.input_rule, t.input_expression, t.queue, t.build, t.state, t.version, t.created_at, t.updated_at
from orgs o
left join lateral (
    select t.* from triggers t where t.org = o.org and t.state = 'active' order by t.id
) t on true
where o.org = any ($1)
order by o.org, t.id
