"""model.Api -> an OpenAPI 3.0 or Swagger 2.0 document with the service's extensions, which reads as the same Api."""

from fastgw.load.exports.document import EXTENSIONS, FORMATS, ExportError, Options, export

__all__ = ["EXTENSIONS", "FORMATS", "ExportError", "Options", "export"]
