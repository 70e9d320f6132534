-- What the database holds of the demo, asked without Piton.
select json_build_object(
    'completed', (select count(*) from runs where state = 'completed'),
    'other states', (select count(*) from runs where state <> 'completed'),
    'journaled charges', (select count(*) from journal where name = 'charge_customer'),
    'still waiting or held', (select count(*) from ready) + (select count(*) from held) + (select count(*) from waits),
    'workers whose lease ran out', (select count(*) from workers where end_reason = 'lease_over')
);
