select count(*) from ready where unserved is not null
