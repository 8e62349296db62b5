"""Micro benchmarks: the parts of the engine one by one."""
