"""Processes: supervisor, workers, shared memory, name resolution."""
