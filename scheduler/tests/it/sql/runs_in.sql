-- How many runs stand there. $1 the state.
select count(*) from runs where state = $1
