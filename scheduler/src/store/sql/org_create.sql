-- Creates an org. $1 its name.
insert into orgs (org) values ($1) on conflict (org) do nothing returning org, created_at, disabled_at
