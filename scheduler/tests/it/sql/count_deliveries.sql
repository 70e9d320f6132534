select count(*) from deliveries
