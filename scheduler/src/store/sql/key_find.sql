-- A key by its public prefix, with what its org is now. $1 prefix.
select k.id, k.org, k.hash, k.scopes, o.disabled_at is not null as org_disabled,
       (extract(epoch from k.expires_at - now()) * 1000000)::bigint as expires_in,
       coalesce(k.last_used_at > now() - interval '1 minute', false) as use_noted
from api_keys k
cross join lateral (select o.disabled_at from orgs o where o.org = k.org limit 1) o
where k.prefix = $1 and k.revoked_at is null
