-- What an operator's wish has to look at, after the lock. $1 run, $2 org.
select state, attempts, worker, attempt, cancel_asked_at, paused_at, outside from runs where id = $1 and org = $2
