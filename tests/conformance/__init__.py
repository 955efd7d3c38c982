"""Clients and specifications that nobody here wrote, against the simulators."""
