-- Removes an endpoint with its secrets; what arrived there is kept as long as all that arrives. $1 endpoint, $2 org.
delete from webhooks where id = $1 and org = $2 returning id
