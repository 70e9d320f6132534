-- A page of what became of a schedule's occurrences, newest first. $1 schedule, $2 org, $3 before this id or null, $4 rows.
select id, occurrence, cause, outcome, run_id, count, first_at, reason, at
from firings
where schedule_id = $1 and org = $2 and id < coalesce($3, 9223372036854775807)
order by id desc
limit $4
