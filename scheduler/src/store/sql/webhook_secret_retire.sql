-- From now on nothing is verified with a secret, and nobody can read it again. $1 endpoint, $2 secret, $3 org.
update webhook_secrets
set retired_at = now(), secret = null
where webhook = $1 and id = $2 and org = $3 and retired_at is null
returning id
