"""What fastgw costs, and beside whom: comparison, micro benchmarks, wire scripts."""
