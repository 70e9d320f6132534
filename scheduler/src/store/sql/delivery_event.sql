-- The event that a delivery became, found where its record does not name it. $1 delivery, $2 org.
select id from events where delivery = $1 and origin = 'webhook' and org = $2 limit 1
