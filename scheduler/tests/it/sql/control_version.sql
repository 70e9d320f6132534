-- Controls given in the org so far.
select control_version from orgs where org = 'default'
