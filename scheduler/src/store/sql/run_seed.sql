-- What a run's randomness is derived from. $1 run.
select seed from runs where id = $1
