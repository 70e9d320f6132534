-- Accepts a run that is nothing but a batch: it waits from its beginning and ends with the batch. $1 run, $2 org,
-- $3 queue, $4 build, $5 session, $6 tags, $7 input, $8 trace, $9 idempotency key, $10 its fingerprint, $11 the window of
-- keys in seconds, $12 workflow, $13 key of the batch, $14 function, $15 terms, $16 items at once, $17 on failure,
-- $18 ids of the items, $19 their inputs.
with keyed as (
    insert into start_keys (org, key, run_id, fingerprint, expires_at)
    select o.org, $9, $1, $10, now() + $11 * interval '1 second' from orgs o where o.org = $2 and $9::text is not null
    on conflict (org, key) do update
        set run_id = excluded.run_id, fingerprint = excluded.fingerprint, expires_at = excluded.expires_at
        where start_keys.expires_at < now()
    returning run_id
),
accepted as materialized (
    select o.org from orgs o where o.org = $2 and ($9::text is null or exists (select 1 from keyed))
),
started as (
    insert into runs (id, org, workflow, queue, build, session, tags, seed, input, trace, created_at, state, epoch, started_at)
    select $1, a.org, $12, $3, $4, $5, $6::text[], $1, $7, $8, now(), 'suspended', 0, now() from accepted a
),
batched as (
    insert into batches (run_id, step_key, org, queue, build, function, terms, max_concurrency, on_failure, total, sealed_at, ends)
    select $1, $13, a.org, $3, $4, $14, $15, $16, $17, cardinality($19::bytea[]), now(), 'run' from accepted a
),
added as (
    insert into batch_items (run_id, step_key, item, org, id, input)
    select $1, $13, i.item, a.org, i.id, i.input
    from accepted a cross join unnest($18::text[], $19::bytea[]) with ordinality as i (id, input, item)
)
select now() as created_at from accepted
