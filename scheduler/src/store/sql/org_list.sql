-- Orgs by name. $1 rows.
select org, created_at, disabled_at from orgs order by org limit $1
