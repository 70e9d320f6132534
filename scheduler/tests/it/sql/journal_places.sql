-- A run's journal in short, in the order of its keys. $1 the run.
select step_key || ' ' || kind || ' ' || coalesce('own ' || own || ' after ' || after, 'outside ' || outside)
from journal where run_id = $1 order by step_key
