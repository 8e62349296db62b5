"""fastgw beside its peers: the same work, one core each, CPU per request first (docs/benchmarks.md)."""
