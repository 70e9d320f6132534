insert into api_keys (id, org, name, prefix, hash) select $1, o.org, $3, $4, $5 from orgs o where o.org = $2 returning created_at
