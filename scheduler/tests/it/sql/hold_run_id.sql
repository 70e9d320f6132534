-- Whoever accepts this run waits. $1 the run.
insert into runs (id, org, workflow, queue, seed, input, state, epoch) values ($1, 'default', 'w', 'q', $1, '', 'backlog', 0)
