"""Model to compiled plan."""
