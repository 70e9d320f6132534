-- Accepts events: one statement for all that are published at a time. $1–$15 one array a column, in the order in which they
-- are kept; $16–$19 the keys by which repeated ones are known: event, org, space, key; $20 their window in seconds.
--
-- An event is new if it has taken every key of its own. The debt stands beside it from the beginning.
with wanted as materialized (
    select a.*
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::text[], $8::text[],
                $9::text[], $10::uuid[], $11::uuid[], $12::text[], $13::timestamptz[], $14::text[], $15::bigint[])
        with ordinality
        as a (id, org, name, given_id, data, envelope, origin, provider, endpoint, delivery, replayed_from,
              only_workflow, occurred_at, trace, keys, place)
    -- An org that is not there, or is disabled, has no events.
    where (select o.org from orgs o where o.org = a.org and o.disabled_at is null) is not null
),
taken as (
    insert into event_keys (org, space, key, event_id, expires_at)
    select distinct on (k.org, k.space, k.key) k.org, k.space, k.key, k.event, now() + $20 * interval '1 second'
    from unnest($16::uuid[], $17::text[], $18::text[], $19::text[]) with ordinality as k (event, org, space, key, place)
    where (select o.org from orgs o where o.org = k.org and o.disabled_at is null) is not null
    -- One order of locks for everybody.
    order by k.org, k.space, k.key, k.place
    on conflict (org, space, key) do update
        set event_id = excluded.event_id, expires_at = excluded.expires_at
        where event_keys.expires_at < now()
    returning event_id
),
fresh as materialized (
    select w.* from wanted w
    where w.keys = 0 or (w.id, w.keys) in (select t.event_id, count(*) from taken t group by t.event_id)
),
inserted as (
    insert into events (id, org, name, given_id, data, envelope, origin, provider, endpoint, delivery, replayed_from,
                        only_workflow, occurred_at, accepted_at, trace)
    select f.id, f.org, f.name, f.given_id, f.data, f.envelope, f.origin, f.provider, f.endpoint, f.delivery,
           f.replayed_from, f.only_workflow, f.occurred_at, now(), f.trace
    from fresh f
),
owed as (
    insert into unmatched (event_id, org) select f.id, f.org from fresh f
)
select f.id, now() as accepted_at from fresh f
