-- How many parameters the prepared statement has.
select cardinality(parameter_types) from pg_prepared_statements where name = 'stated'
