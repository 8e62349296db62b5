"""Who may come in: authorizers."""
