"""What a route does beyond the compiled path: one package per kind of feature, each building steps for the door."""
