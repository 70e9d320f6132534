-- Disables an org. $1 its name.
update orgs set disabled_at = coalesce(disabled_at, now()) where org = $1 returning org, created_at, disabled_at
