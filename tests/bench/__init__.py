"""Benchmarks: each prints a table, with a peer or a floor in the same run; none asserts on time."""
