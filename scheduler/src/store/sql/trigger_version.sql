-- Draws the next version of an org's triggers and definitions, under the lock of its row. $1 org.
update orgs set trigger_version = trigger_version + 1 where org = $1 returning trigger_version
