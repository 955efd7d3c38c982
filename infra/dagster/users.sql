-- Dagster's database has three users with passwords of their own. They share what `dagster` owns: whoever signs in as
-- `webserver` or `migrator` acts as `dagster`. Run once, in the database `dagster`, by an administrator.
GRANT USAGE, CREATE ON SCHEMA public TO dagster;
GRANT dagster TO webserver;
GRANT dagster TO migrator;
ALTER ROLE webserver SET role = 'dagster';
ALTER ROLE migrator SET role = 'dagster';
