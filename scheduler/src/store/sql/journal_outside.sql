-- Rows from outside of several runs, each after a number. $1 the runs, $2 the last numbers known, $3 rows of each.
select w.place, j.step_key, j.kind, j.name, j.input, j.result, j.failure, j.own, j.after, j.outside, j.worker, j.try_number,
       j.started_at, j.finished_at
from unnest($1::uuid[], $2::int[], $3::int[]) with ordinality as w (run_id, known, rows, place)
cross join lateral (
    select o.step_key, o.kind, o.name, o.input, o.result, o.failure, o.own, o.after, o.outside, o.worker, o.try_number,
           o.started_at, o.finished_at
    from journal o
    where o.run_id = w.run_id and o.outside > w.known
    order by o.outside
    limit w.rows
) j
order by w.place, j.outside
