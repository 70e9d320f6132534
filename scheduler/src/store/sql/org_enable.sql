-- Enables an org. $1 its name.
update orgs set disabled_at = null where org = $1 returning org, created_at, disabled_at
