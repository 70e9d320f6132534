-- Every run with its state, and the counters of sessions.
select json_build_object(
    'runs', (select json_object_agg(r.id, json_build_object('workflow', r.workflow, 'state', r.state)) from runs r),
    'sessions', (select json_object_agg(s.owner, encode(s.value, 'hex')) from state s where s.scope = 'session' and s.name = 'count')
);
