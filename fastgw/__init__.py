"""fastgw: Amazon API Gateway's job on your own edge nodes."""

__version__ = "0.1.0"
