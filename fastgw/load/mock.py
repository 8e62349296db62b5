"""MOCK integrations that need no template engine: the answer is worked out while the definition is read."""

import json
import re

from fastgw.load import answers
from fastgw.load.document import View
from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.model.integration import Mock, Unserved
from fastgw.model.place import Place

_VTL = re.compile(
    r"\$!?\{?[A-Za-z]|\\[$#]|##|#\*|#\[\[|#@|"
    r"#\{?(?:set|if|elseif|else|end|foreach|macro|stop|break|return|include|parse|evaluate|define)\b")
_STATUS = re.compile(r"""\s*\{\s*(["']?)statusCode\1\s*:\s*(["']?)([0-9]{3})\2\s*,?\s*\}\s*$""")
_JSON = "application/json"
_MAX_PATTERN = 256


class _NotFixed(Exception):
    """Why the answer cannot be worked out ahead."""


def needs_templates(template: str) -> bool:
    """Whether a template holds a reference or a directive of the template language."""
    return _VTL.search(template) is not None


def read(reader: Reader, view: View, place: Place, route: str) -> Mock | Unserved:
    """The fixed answer, or Unserved with a warning that says why it is none."""
    try:
        return _Mock(reader, view, place, route).answer()
    except _NotFixed as why:
        reader.problems.warning(place, "unserved", f"{route}: this MOCK {why}; "
                                "it answers 500 Internal server error")
        return Unserved("MOCK with a template", place)


class _Mock:
    def __init__(self, reader: Reader, view: View, place: Place, route: str) -> None:
        self.reader = reader
        self.view = view
        self.place = place
        self.route = route

    def answer(self) -> Mock:
        chosen = self._response(self._requested())
        status = answers.status(self.reader, chosen.get("statusCode"))
        if chosen.get("statusCode") is None:
            self.reader.problems.error(chosen.place, "missing-field",
                                       f"integration response {shown(chosen.name)} has no statusCode")
        if chosen.get("contentHandling") is not None and str(chosen.value["contentHandling"]).upper() == \
                "CONVERT_TO_BINARY":
            raise _NotFixed("turns text into bytes (contentHandling), which is not served yet")
        kind, body = self._body(chosen)
        self._mention_passthrough()
        mapped = answers.headers(self.reader, chosen.get("responseParameters"), answers.MOCK)
        return Mock(status or 500, self.place, mapped, body, kind)

    def _requested(self) -> int:
        """The statusCode that the request template gives."""
        templates = self.reader.mapping(self.view.get("requestTemplates"))
        given = dict(templates.items()) if templates is not None else {}
        if not given:
            raise _NotFixed("has no request template that gives a statusCode")
        statuses = set()
        for kind, template in given.items():
            text = template.value
            if isinstance(text, dict):
                text = json.dumps(text)
            if not isinstance(text, str):
                self.reader.problems.error(template.place, "wrong-type", f"the template for {kind} must be "
                                           f"a text, found {shown(template.value)}")
                raise _NotFixed("has a request template that is no text")
            statuses.add(_status(self.reader.params.put_known(text)))
        if len(statuses) > 1:
            raise _NotFixed("has request templates that give different status codes")
        return statuses.pop()

    def _mention_passthrough(self) -> None:
        behavior = self.view.get("passthroughBehavior")
        names = ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
        if self.reader.name(behavior, names) == "NEVER":
            self.reader.problems.warning(behavior.place, "unserved", f"{self.route}: a request whose "
                                         "Content-Type has no template is answered too; the 415 of "
                                         "passthroughBehavior comes with templates")

    def _response(self, status: int) -> View:
        """The integration response whose pattern fits the whole status, else "default"."""
        responses = self.reader.mapping(self.view.get("responses"))
        default = None
        for pattern, response in responses.items() if responses is not None else ():
            if self.reader.mapping(response) is None:
                continue
            if pattern == "default":
                default = response
            elif self._fits(pattern, response, status):
                return response
        if default is None:
            raise _NotFixed(f"has no integration response for status {status} and no default")
        return default

    def _fits(self, pattern: str, response: View, status: int) -> bool:
        try:
            if len(pattern) > _MAX_PATTERN:
                raise ValueError(f"it is longer than {_MAX_PATTERN} characters")
            return re.fullmatch(pattern, str(status)) is not None
        except (re.error, ValueError, OverflowError, RecursionError) as error:
            self.reader.problems.error(response.key_place, "bad-pattern",
                                       f"response pattern {shown(pattern)} is no regular expression: {error}")
            return False

    def _body(self, chosen: View) -> tuple[str, bytes]:
        templates = self.reader.mapping(chosen.get("responseTemplates"))
        given = dict(templates.items()) if templates is not None else {}
        if not given:
            return _JSON, b""
        kind = _JSON if _JSON in given else next(iter(given))
        if len(given) > 1:
            self.reader.problems.warning(templates.place, "unserved", f"{self.route}: only the {kind} body "
                                         "is sent; choosing by Accept comes with templates")
        text = given[kind].value
        if text is None:
            return kind, b""
        if not isinstance(text, str):
            text = json.dumps(text, ensure_ascii=False)
        text = self.reader.params.put_known(text)
        if needs_templates(text):
            raise _NotFixed("has a response template that must be evaluated, which is not served yet")
        answers.is_media_type(self.reader, kind, given[kind])
        return kind, text.encode()


def _status(template: str) -> int:
    if needs_templates(template):
        raise _NotFixed("has a request template that must be evaluated, which is not served yet")
    try:
        value = json.loads(template)
    except (ValueError, RecursionError):
        found = _STATUS.match(template)
        value = {"statusCode": found[3]} if found else None
    status = value.get("statusCode") if isinstance(value, dict) else None
    if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) == 3:
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise _NotFixed('has a request template that gives no statusCode, such as {"statusCode": 200}')
    return status
