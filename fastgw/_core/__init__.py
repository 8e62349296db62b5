"""The engine: Cython, no GIL from the first byte read to the last byte written."""
