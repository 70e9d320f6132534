-- Whether this attempt holds the run, and the run's input. $1 run, $2 attempt, $3 worker.
select input from runs where id = $1 and attempt = $2 and worker = $3 and state = 'running'
