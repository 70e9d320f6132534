-- A long journal of one run, written in an order of its own. $1 the run, $2 own rows; every third own row knows of one
-- more row from outside.
with numbered as (
    select n as own, (n / 3)::int as after, null::int as outside from generate_series(1, $2) n
    union all
    select null, null, n from generate_series(1, $2 / 3 + 2) n
),
written as (
    insert into journal (run_id, step_key, org, kind, name, input, result, own, after, outside, attempt, worker, try_number,
                         started_at, finished_at)
    select $1, md5(n::text), 'default', 'step', 'charge', '\xc0', '\xc0', own, after, outside,
           case when own is not null then $1 end, case when own is not null then $1 end, 1, now(), now()
    from numbered n
    order by 2
    returning outside
)
update runs set outside = (select count(outside) from written) where id = $1
