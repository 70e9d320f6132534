-- Adds a secret while fewer than so many are good; its endpoint is locked. $1 endpoint, $2 id, $3 org, $4 label, $5 hint,
-- $6 the secret, $7 how many.
insert into webhook_secrets (webhook, id, org, label, hint, secret)
select $1, $2, $3, $4, $5, $6
where (select count(*) from webhook_secrets s where s.webhook = $1 and s.retired_at is null) < $7
returning id
