"""The steps between rooms: pull (provider to landing), parse and load (landing to warehouse), publish. No dagster."""
