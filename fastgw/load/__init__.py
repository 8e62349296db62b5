"""Text to model; every problem with file:line:column."""
