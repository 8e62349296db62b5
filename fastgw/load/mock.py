"""MOCK integrations: an answer that is the same for every request is worked out while the definition is read."""

import re

from fastgw.load.document import View
from fastgw.load.integrated import Basics, integrated
from fastgw.load.reader import Reader
from fastgw.model.integration import CONVERT_TO_BINARY, WHEN_NO_MATCH, Integrated, IntegrationResponse, Mock, Unserved
from fastgw.model.mock import mock_status
from fastgw.model.place import Place
from fastgw.model.value import BodyValue, ResponseHeader
from fastgw.parts.transform.selection import SelectionPattern

_VTL = re.compile(
    r"\$!?\{?[A-Za-z]|\\[$#]|##|#\*|#\[\[|#@|"
    r"#\{?(?:set|if|elseif|else|end|foreach|macro|stop|break|return|include|parse|evaluate|define)\b")
_JSON = "application/json"


def needs_templates(template: str) -> bool:
    """Whether a template holds a reference or a directive of the template language."""
    return _VTL.search(template) is not None


def read(reader: Reader, view: View, place: Place) -> Mock | Integrated | Unserved:
    """A Mock where nothing of the answer depends on the request; the request's own media type is not looked at then."""
    whole = integrated(reader, view, Basics("MOCK", None, "", (), None), place)
    if isinstance(whole, Unserved):
        return whole
    return _fixed(whole) or whole


def _fixed(whole: Integrated) -> Mock | None:
    """The one answer, or None."""
    statuses = {None if needs_templates(text) else mock_status(text) for _, text in whole.templates}
    if whole.passthrough != WHEN_NO_MATCH or len(statuses) != 1 or None in statuses:
        return None
    chosen = _chosen(whole.responses, str(statuses.pop()))
    if chosen is None or chosen.content_handling == CONVERT_TO_BINARY or len(chosen.templates) > 1:
        return None
    kind, text = chosen.templates[0] if chosen.templates else (_JSON, "")
    if needs_templates(text):
        return None
    headers = [(name, source) for name, source in chosen.headers if not isinstance(source, BodyValue | ResponseHeader)]
    return Mock(chosen.status, whole.place, tuple(headers), text.encode(), kind)


def _chosen(responses: tuple[IntegrationResponse, ...], outcome: str) -> IntegrationResponse | None:
    """The response whose pattern fits the whole status, else the default."""
    default = None
    for response in responses:
        if response.pattern is None:
            default = response
        elif SelectionPattern(response.pattern).fits(outcome):
            return response
    return default
