-- Leases ended while workers executed the steps of a run. $1 the run, $2 how often.
update dispatches set strikes = $2 where run_id = $1
