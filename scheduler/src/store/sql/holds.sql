-- Whether this attempt holds the run. $1 run, $2 attempt, $3 worker.
select exists (select 1 from runs where id = $1 and attempt = $2 and worker = $3 and state = 'running')
