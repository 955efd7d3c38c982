"""The change feed: everything that notices that something changed at a provider, and what is then to be pulled."""
