-- Which runs stand behind these idempotency keys. $1 orgs, $2 keys.
select k.org, k.key, k.run_id, k.fingerprint, r.state, r.created_at
from unnest($1::text[], $2::text[]) as a (org, key)
join start_keys k on k.org = a.org and k.key = a.key
join runs r on r.id = k.run_id
