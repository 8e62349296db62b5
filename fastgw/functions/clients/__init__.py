"""Programs that run handlers. Nothing of the gateway imports them, and they import nothing of it."""
