"""Integration response: from the backend's reply to what the client gets."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastgw._core.step import Answer, Failure
from fastgw.errors import CODE
from fastgw.model.integration import Integrated, IntegrationResponse
from fastgw.parts.env import Env
from fastgw.parts.integrate.binary import BinaryTypes, response_body
from fastgw.parts.integrate.headers import Fields, answered
from fastgw.parts.integrate.incoming import Incoming, Message, first_accepted, media_type, octets
from fastgw.parts.integrate.mapping import Find, finder, in_header
from fastgw.parts.integrate.request import printed
from fastgw.parts.integrate.templates import Made, compiled, for_response, render
from fastgw.parts.transform.selection import SelectionPattern
from fastgw.parts.transform.vtl import Limits

_MIN_STATUS, _MAX_STATUS = 200, 599
"""Of an override: the service ignores what is no status, and a 1xx would not end the exchange."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An integration response, compiled."""

    pattern: SelectionPattern | None
    status: int
    headers: tuple[tuple[str, Find], ...]
    templates: Mapping[str, Made]
    content_handling: str | None


class ResponseSide:
    """One integration's responses. Raises ValueError with the place for a pattern that cannot be compiled."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        self._integrated = integrated
        self._env = env
        self._binary = BinaryTypes(env.api.binary_types)
        made = [self._chosen(response) for response in integrated.responses]
        self._patterns = [chosen for chosen in made if chosen.pattern is not None]
        self._default = next((chosen for chosen in made if chosen.pattern is None), None)

    def _chosen(self, response: IntegrationResponse) -> Chosen:
        pattern = None
        if response.pattern is not None:
            try:
                pattern = SelectionPattern(response.pattern)
            except ValueError as error:
                raise ValueError(f"{response.place}: error: response pattern {response.pattern!r}: {error}") from None
        headers = [(name, find) for name, source in response.headers if (find := finder(source, self._env)) is not None]
        name = f"response template of {self._env.route.name}"
        return Chosen(pattern, response.status, tuple(headers),
                      compiled(response.templates, name, Limits.of(self._env.settings)), response.content_handling)

    def select(self, outcome: str) -> Chosen:
        """The first response whose pattern fits the whole outcome, else the default. Raises Failure: 500."""
        for chosen in self._patterns:
            fits = chosen.pattern.fits(outcome)
            if fits is None:
                raise Failure(CODE["API_CONFIGURATION_ERROR"], detail="a response pattern took too many steps")
            if fits:
                return chosen
        if self._default is None:
            raise Failure(CODE["API_CONFIGURATION_ERROR"], detail=f"no integration response for {outcome[:80]!r}")
        return self._default

    def answer(self, chosen: Chosen, incoming: Incoming, reply: Message, context: dict[str, object]) -> Answer:
        """The method response. Raises Failure where the body cannot be converted or a template fails: 500."""
        accept = first_accepted(incoming.header(b"accept"))
        kind = reply.header(b"content-type")
        binary = self._binary.holds(media_type(kind) if kind else "")
        body = response_body(reply.content, binary, self._binary.holds(accept), chosen.content_handling)
        message = Message(reply.fields, body)
        fields: Fields = []
        for name, find in chosen.headers:
            value = find(incoming, message)
            if value is not None:
                fields.append((octets(name), in_header(value)))
        media, template = for_response(chosen.templates, accept)
        if template is not None:
            body = render(template, incoming, message, context, self._env.variables)
        status, fields = overridden(context, chosen.status, fields)
        fields = answered(self._integrated.type, fields)
        if not any(name.lower() == b"content-type" for name, _ in fields):
            fields.insert(0, (b"Content-Type", octets(media)))
        if self._integrated.type != "MOCK":
            fields.append((b"X-Amzn-Trace-Id", octets(incoming.request.context("TRACE_ID"))))
        return Answer(status, fields, body)

    def passed_on(self, reply: Message, status: int) -> Answer:
        """A proxy's reply, as it came."""
        return Answer(status, answered(self._integrated.type, reply.fields), reply.content)


def overridden(context: dict[str, object], status: int, fields: Fields) -> tuple[int, Fields]:
    """What templates wrote to responseOverride wins over the mappings."""
    overrides = context["responseOverride"]
    if not isinstance(overrides, Mapping):
        return status, fields
    given = overrides.get("status")
    if isinstance(given, int) and not isinstance(given, bool) and _MIN_STATUS <= given <= _MAX_STATUS:
        status = given
    headers = overrides.get("header")
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        written = octets(str(name))
        fields = [field for field in fields if field[0].lower() != written.lower()]
        fields.append((written, in_header(octets(printed(value)))))
    return status, fields
