"""Integrations of REST APIs: integration request, backend, integration response."""
