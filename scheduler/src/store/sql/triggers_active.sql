-- The triggers of orgs that count, each org's with the version they stand under. $1 orgs.
select o.org as of_org, o.trigger_version, t.*
from orgs o
left join lateral (
    select t.* from triggers t where t.org = o.org and t.state = 'active' order by t.id
) t on true
where o.org = any ($1)
order by o.org, t.id
