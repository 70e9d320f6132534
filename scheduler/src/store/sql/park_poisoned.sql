-- Parks runs whose dispatched work died with its worker too often; their locks are held. $1 runs, $2 keys, $3 strikes.
with changed as (
    update runs r
    set state = 'parked', worker = null,
        parked = jsonb_build_object('code', 'poison',
            'strikes', ($3::int[])[array_position($1, r.id)], 'step', ($2::text[])[array_position($1, r.id)])
    where r.id = any ($1) and r.state in ('backlog', 'queued', 'running', 'suspended')
    returning r.id
),
released as (delete from held h where h.run_id = any (array(select id from changed))),
unready as (delete from ready d where d.run_id = any (array(select id from changed)))
select id from changed
