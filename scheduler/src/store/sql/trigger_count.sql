-- How many triggers an org has that were made by the API. $1 org.
select count(*) from triggers t where t.org = $1 and t.source = 'made'
