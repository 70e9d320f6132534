select to_jsonb(d) from deliveries d
