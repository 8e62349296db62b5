"""Velocity mapping templates: text to one Python code object, compiled once and rendered for each request."""

from .compiler import Template, compile_template
from .errors import BodyError, RenderError, TemplateError
from .limits import Limits

__all__ = ["BodyError", "Limits", "RenderError", "Template", "TemplateError", "compile_template"]
