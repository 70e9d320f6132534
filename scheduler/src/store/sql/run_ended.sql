-- Which of these runs have ended. $1 the runs.
select id from runs where id = any ($1) and finished_at is not null
