"""AWS services as a gateway knows them: where they are, and who asks them."""

import re
from dataclasses import dataclass

DEFAULT = "default"
"""The name of the entry that stands for every service without one of its own."""

ASSUME, OWN = "assume", "own"

SERVICE = re.compile(r"^[a-z0-9][a-z0-9.-]{0,62}$")
"""How a service is named: "dynamodb", "streams.dynamodb"."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where one service is asked.

    name     as in an integration's URI ("dynamodb"), or DEFAULT
    endpoint scheme://host:port of it, "" for the service's own
    region   instead of the URI's own, "" for that
    """

    name: str
    endpoint: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the gateway is to services.

    profile of the shared files; "" asks one source after the other, as the SDKs do
    roles   ASSUME: an integration's role is assumed. OWN: every request is the gateway's own
    """

    profile: str = ""
    roles: str = ASSUME


_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):apigateway:(?P<region>[a-z0-9-]+):(?:(?P<subdomain>[A-Za-z0-9.-]+)\.)?"
    r"(?P<service>[a-z0-9-]+):(?P<kind>action|path)/(?P<rest>.*)", re.DOTALL)


class BadArn(ValueError):
    """The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ServiceUri:
    """arn:{partition}:apigateway:{region}:{subdomain.service|service}:{action|path}/{rest}; rest may hold {name}."""

    partition: str
    region: str
    service: str
    kind: str
    rest: str
    subdomain: str = ""

    @classmethod
    def parse(cls, uri: str) -> "ServiceUri":
        """Raises BadArn."""
        found = _ARN.fullmatch(uri)
        if found is None:
            raise BadArn("is no service's URI; write arn:aws:apigateway:REGION:SERVICE:action/NAME or "
                         "arn:aws:apigateway:REGION:SERVICE:path/PATH")
        rest = found["rest"]
        if not rest.isascii() or not rest.isprintable() or " " in rest or "#" in rest:
            raise BadArn("must be visible ASCII, without blanks and without a fragment")
        return cls(found["partition"], found["region"], found["service"], found["kind"], rest,
                   found["subdomain"] or "")


CALLER = re.compile(r"arn:aws[a-z-]*:iam::\*:user/\*")
"""An integration's credentials that stand for whoever called."""
