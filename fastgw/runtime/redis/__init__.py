"""The Redis that several nodes share: a client of our own, and leases of tokens and quota."""
