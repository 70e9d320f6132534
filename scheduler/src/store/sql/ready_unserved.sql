-- Takes runs out of the backlog whose workflow no live worker has. $1 runs, $2 their workflows.
--
-- As still_waiting it holds no run's lock, and so leaves a row alone that is locked this instant.
with free as materialized (
    select d.run_id, s.workflow
    from unnest($1::uuid[], $2::text[]) as s (run_id, workflow)
    cross join lateral (
        select d.run_id from ready d
        where d.run_id = s.run_id and d.published_at is null
        limit 1
        for no key update skip locked
    ) d
)
update ready d set unserved = f.workflow from free f where d.run_id = f.run_id
