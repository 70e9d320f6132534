-- The append of rows alone, for many runs: what append_plain.sql does where no run ends and nothing of it changes.
--
-- $1–$3 the appends, sorted by run; $4–$16 their rows, each with its org and the place of its append. Places count
-- from 1. A row that stands there already breaks the statement. A run whose workers died has its strikes to be taken
-- back: it is set aside like one that is locked.
--
-- As in append.sql, no join here has a choice.
with fence as materialized (
    select array_agg(r.id is not null order by a.place) as ok
    from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as a (run_id, attempt, worker, place)
    left join lateral (
        select r.id
        from runs r
        where r.id = a.run_id and r.attempt = a.attempt and r.worker = a.worker and r.state = 'running' and r.strikes = 0
        limit 1
        for no key update skip locked
    ) r on true
),
inserted as (
    insert into journal (run_id, step_key, org, kind, name, input, result, failure, own, after, attempt, worker,
                         try_number, started_at, finished_at)
    select $1[e.place], e.step_key, e.org, e.kind, e.name, e.input, e.result, e.failure, e.own, e.after, $2[e.place], $3[e.place],
           e.try_number, e.started_at, e.finished_at
    from fence, unnest($4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bytea[], $11::bytea[],
                $12::int[], $13::int[], $14::int[], $15::timestamptz[], $16::timestamptz[])
        as e (place, step_key, org, kind, name, input, result, failure, own, after, try_number, started_at, finished_at)
    where fence.ok[e.place]
)
select fence.ok from fence
