-- An org. $1 its name.
select org, created_at, disabled_at from orgs where org = $1
