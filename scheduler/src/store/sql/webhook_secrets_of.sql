-- Secrets of endpoints, without themselves, the oldest first. $1 endpoints.
select s.webhook, s.id, s.label, s.hint, s.created_at, s.retired_at
from unnest($1::uuid[]) w (id)
cross join lateral (
    select s.webhook, s.id, s.label, s.hint, s.created_at, s.retired_at
    from webhook_secrets s
    where s.webhook = w.id
    order by s.id
) s
