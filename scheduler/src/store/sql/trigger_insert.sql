-- Keeps triggers. $1–$14 one array a column, $15 org, $16 workflow, $17 the version.
insert into triggers (id, org, workflow, source, place, kind, pattern, provider, endpoint, filter, input_rule, input_expression,
                      queue, build, state, version, created_at)
select a.id, $15, $16, a.source, a.place, a.kind, a.pattern, a.provider, a.endpoint, a.filter, a.input_rule,
       a.input_expression, a.queue, a.build, a.state, $17,
       coalesce(a.created_at, now())
from unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[])
    as a (id, source, place, kind, pattern, provider, endpoint, filter, input_rule, input_expression, queue, build, state,
          created_at)
