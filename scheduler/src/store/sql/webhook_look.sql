-- An endpoint with the secrets that are good, for what arrives there; whoever it belongs to. $1 endpoint.
select w.id, w.org, w.name, w.provider, w.terms, w.events, w.tolerance_ms, w.state, w.created_at, now() as looked_at,
       (select o.disabled_at is not null from orgs o where o.org = w.org) as org_disabled,
       s.ids, s.secrets
from webhooks w
cross join lateral (
    select coalesce(array_agg(s.id order by s.id), '{}') as ids, coalesce(array_agg(s.secret order by s.id), '{}') as secrets
    from webhook_secrets s
    where s.webhook = w.id and s.retired_at is null
) s
where w.id = $1
