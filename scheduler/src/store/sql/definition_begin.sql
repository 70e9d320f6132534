-- When a page of definitions is written, if there is such an org. $1 org.
select now() from orgs where org = $1
