-- Makes an endpoint with its first secret; no row when the org is unknown or the name is taken. $1 id, $2 org, $3 name,
-- $4 provider, $5 terms or null, $6 events, $7 milliseconds of tolerance, $8 the secret's id, $9 its label, $10 its hint,
-- $11 the secret.
with made as (
    insert into webhooks (id, org, name, provider, terms, events, tolerance_ms)
    select $1, o.org, $3, $4, $5, $6, $7 from orgs o where o.org = $2
    on conflict (org, name) do nothing
    returning id, org
), signed_with as (
    insert into webhook_secrets (webhook, id, org, label, hint, secret)
    select m.id, $8, m.org, $9, $10, $11 from made m
)
select id from made
