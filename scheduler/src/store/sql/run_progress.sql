-- run_progress
-- Where a run stands, and whether there is more of it than a reader was told. $1 run, $2 org, $3 the last own row told,
-- $4 the last row from outside told, $5 when the last failed try that was told ended.
--
-- Rows from outside are counted in the run's row. Own rows beyond the 32nd are found by their index, the first ones among
-- as many rows (see 0005_long_journals.sql).
select state, attempts, worker, paused_at, parked,
       outside > $4
           or exists (select from journal where run_id = $1 and own > $3 and own > 32)
           or ($3 < 32 and exists (select from journal where run_id = $1 and own > $3 and own <= 32)) as more_rows,
       exists (select from tries where run_id = $1 and finished_at > $5) as more_tries
from runs
where id = $1 and org = $2
