"""What can go wrong with a template: found when it is compiled, or when it is rendered."""


class TemplateError(Exception):
    """A template that cannot be compiled. line and column count from 1 and point into the template's own text."""

    def __init__(self, message: str, line: int = 1, column: int = 1):
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class RenderError(Exception):
    """Rendering came to no text: a Java method threw, or a limit was reached. The request is answered with 500."""

    def __init__(self, message: str, name: str = "", line: int = 0):
        super().__init__(message)
        self.message = message
        self.name = name
        self.line = line

    def __str__(self) -> str:
        return f"{self.name}:{self.line}: {self.message}" if self.line else self.message


class BodyError(RenderError):
    """The body is not the JSON that $input.json or $input.path was to read."""
