-- Under this lock secrets of an endpoint are counted. $1 endpoint, $2 org.
select id from webhooks where id = $1 and org = $2 for update
