-- Whoever tells this run of a cancel waits. $1 the run.
insert into journal (run_id, step_key, org, kind, name, input, result, outside, try_number, started_at, finished_at)
values ($1, 'cancel#1', 'default', 'cancel', 'cancel', '', '', 1000, 1, now(), now())
