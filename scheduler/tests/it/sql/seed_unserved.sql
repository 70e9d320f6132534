-- So many runs whose workflow no live worker had when they were accepted. $1 how many, $2 the workflow.
with made as (
    insert into runs (id, org, workflow, queue, seed, input, state, epoch)
    select id, 'default', $2, 'default', id, '\xc0', 'backlog', 0
    from (select gen_random_uuid() as id from generate_series(1, $1)) n
    returning id
)
insert into ready (run_id, org, queue, epoch, unserved) select id, 'default', 'default', 0, $2 from made
