"""Bodies and parameters to other ones: templates, JSONPath, what templates read."""
