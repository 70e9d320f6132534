-- An endpoint of an org. $1 org, $2 its id or null, $3 its name or null.
select id, org, name, provider, terms, events, tolerance_ms, state, created_at
from webhooks
where org = $1 and (id = $2 or name = $3)
