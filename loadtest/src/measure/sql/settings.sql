select json_object_agg(name, current_setting(name))
from unnest(array['server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method']) as name;
