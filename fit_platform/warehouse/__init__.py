"""The warehouse: typed base tables, partitioned by day. See `schema`, `base`, `duckdb_warehouse`."""
