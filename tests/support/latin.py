"""An error handler that reads what is no UTF-8 as the engine does: byte by byte, as Latin-1."""

import codecs

ONE_AS_LATIN1 = "one as Latin-1"


def _one_as_latin1(error: UnicodeError) -> tuple[str, int]:
    return error.object[error.start : error.start + 1].decode("latin-1"), error.start + 1


codecs.register_error(ONE_AS_LATIN1, _one_as_latin1)
