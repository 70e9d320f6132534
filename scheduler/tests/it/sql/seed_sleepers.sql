-- So many suspended runs, each with one timer that is due since a minute. $1 how many.
with made as (
    insert into runs (id, org, workflow, queue, seed, input, state, epoch, attempts, attempt)
    select id, 'default', 'order', 'default', id, '\xc0', 'suspended', 1, 1, id
    from (select gen_random_uuid() as id from generate_series(1, $1)) n
    returning id
)
insert into waits (run_id, step_key, org, kind, name, input, set_at, due_at)
select id, 's#1', 'default', 'sleep', 'nap', '\xc0', now() - interval '2 minutes', now() - interval '1 minute' from made
