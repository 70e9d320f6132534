-- What a run waits for. $1 run, $2 rows.
select step_key, kind, name, set_at, due_at from waits where run_id = $1 order by due_at limit $2
