select count(*) from start_keys
