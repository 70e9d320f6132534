-- Notes that keys were used, at most once a minute each. $1 keys.
update api_keys set last_used_at = now()
where id = any ($1) and coalesce(last_used_at < now() - interval '1 minute', true)
