-- A run that was granted alone is about to begin, and nothing else is executed by its worker; or it is not alone any
-- more. $1 run, $2 attempt, $3 worker, $4 whether it begins.
--
-- The key-share lock on the worker's row is what lease-end waits for, as in a claim: who died alone is settled there.
with alive as materialized (
    select w.id from workers w where w.id = $3 and coalesce(w.ended_at, 'infinity') = 'infinity' for key share
),
locked as materialized (
    select r.id
    from alive v
    cross join lateral (
        select r.id from runs r
        where r.id = $1 and r.attempt = $2 and r.worker = v.id and r.state = 'running'
        limit 1
        for no key update
    ) r
)
update held h
set alone_since = case when $4 then coalesce(h.alone_since, clock_timestamp()) end
where h.run_id = any (array(select id from locked))
returning h.run_id
