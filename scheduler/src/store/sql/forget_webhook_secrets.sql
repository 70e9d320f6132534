-- Forgets secrets that were retired long ago. $1 how long in microseconds, $2 rows.
delete from webhook_secrets where (webhook, id) in (
    select webhook, id from webhook_secrets where retired_at < now() - $1 * interval '1 microsecond' limit $2
)
