-- Enables an org; the schedules of one that was disabled missed what fell due before now. $1 its name.
update orgs set enabled_at = case when disabled_at is null then enabled_at else now() end, disabled_at = null
where org = $1 returning org, created_at, disabled_at
