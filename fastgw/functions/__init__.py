"""The function host: runs handlers as processes that speak the Lambda Runtime API, and is invoked as Lambda is."""
