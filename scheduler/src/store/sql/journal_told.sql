-- journal_told
-- The next rows of a run in the order in which it was told them. $1 run, $2 the last own row known, $3 the last row
-- from outside known, $4 rows.
--
-- Each kind of row is found by its number, as many as could be asked for. Own rows beyond the 32nd have an index (see
-- 0005_long_journals.sql). Only who knows fewer than those reads all rows of the run, without their large values.
with first_rows as materialized (
    select * from journal
    where run_id = $1 and own > $2 and own <= 32 and $2 < 32
    order by own limit $4
),
later_rows as materialized (
    select * from journal
    where run_id = $1 and own > $2 and own > 32
    order by own limit $4
),
outside_rows as materialized (
    select * from journal
    where run_id = $1 and outside > $3
    order by outside limit $4
),
-- A row from outside comes before the first own row that says it was preceded by it.
told as (
    select *, max(after) over (order by own) as place, 1 as side
    from (select * from first_rows union all select * from later_rows) own_rows
    union all
    select *, outside, 0 from outside_rows
)
select step_key, kind, name, input, result, failure, own, after, outside, worker, try_number, started_at, finished_at
from told
order by place, side, own, outside
limit $4
