-- Changes of an endpoint what is not null. $1 endpoint, $2 org, $3 state, $4 events, $5 milliseconds of tolerance, $6 terms.
update webhooks
set state = coalesce($3, state), events = coalesce($4, events), tolerance_ms = coalesce($5, tolerance_ms), terms = coalesce($6, terms)
where id = $1 and org = $2
returning id, org, name, provider, terms, events, tolerance_ms, state, created_at
