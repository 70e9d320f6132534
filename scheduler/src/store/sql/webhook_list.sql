-- Endpoints of an org by name. $1 org, $2 rows.
select id, org, name, provider, terms, events, tolerance_ms, state, created_at
from webhooks
where org = $1
order by name
limit $2
