-- Parks runs because leases ended too often while a worker executed a step of theirs; their locks are held. Says who held them, and
-- has lost them. $1 runs, $2 keys, $3 strikes.
with parking as (
    select r.id, r.worker, r.attempt from runs r
    where r.id = any ($1) and r.state in ('backlog', 'queued', 'running', 'suspended')
),
changed as (
    update runs r
    set state = 'parked', worker = null,
        parked = jsonb_build_object('code', 'poison',
            'strikes', ($3::int[])[array_position($1, r.id)], 'step', ($2::text[])[array_position($1, r.id)])
    where r.id = any (array(select id from parking))
    returning r.id
),
released as (delete from held h where h.run_id = any (array(select id from changed))),
unready as (delete from ready d where d.run_id = any (array(select id from changed)))
select p.id, p.worker, p.attempt from parking p where p.id = any (array(select id from changed))
