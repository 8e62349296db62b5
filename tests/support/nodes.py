"""Gateways that share a usage plan, and clients that count what they are answered."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from tests.support.client import Wire, get
from tests.support.definition import mock, openapi, several
from tests.support.process import Gateway
from tests.support.redis import RedisServer

VALUE = "gold-key-of-the-tests"
KEYED = {"security": [{"key": []}]}
SCHEME = {"securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}}
ASK = get("/a", f"x-api-key: {VALUE}")


def files(plan: Mapping[str, object], operation: dict | None = None) -> dict[str, object]:
    """A gateway with GET /a and POST /b, both with a key of the plan."""
    fixed = operation or mock(200, "{}")
    document = openapi({"/a": {"get": {**fixed, **KEYED}}, "/b": {"post": {**fixed, **KEYED}}})
    document["components"] = SCHEME
    stages = [{"api": "wire", "stage": "$default", **plan.get("stage", {})}]
    gold = {"nodes": {"share": True}, **{name: value for name, value in plan.items() if name != "stage"}}
    return {
        "gateway.json": several(
            {"wire": {"definition": "api.json", "stages": {"$default": {}}}},
            plans={"gold": {**gold, "stages": stages}},
            keys={"acme": {"value": VALUE, "plans": ["gold"]}},
        ),
        "api.json": document,
    }


@contextmanager
def nodes(redis: RedisServer, plan: Mapping[str, object], count: int = 3, operation: dict | None = None,
          **env: str) -> Iterator[list[Gateway]]:
    """env: settings without their FASTGW_."""
    settings = {"FASTGW_REDIS_URL": redis.url, "FASTGW_REDIS_NODES": str(count),
                **{f"FASTGW_{name.upper()}": value for name, value in env.items()}}
    with ExitStack() as stack:
        yield [stack.enter_context(Gateway(files(plan, operation), env=settings)) for _ in range(count)]


class Flood:
    """One connection to each of the ports that asks as fast as it is answered, or every `pause` seconds.

    answers: (when asked, when answered, status), in s of time.monotonic().
    """

    def __init__(self, ports: list[int], pause: float = 0.0, request: bytes = ASK) -> None:
        self._ports, self._pause, self._request = ports, pause, request
        self.answers: list[tuple[float, float, int]] = []
        self.broken: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(port,)) for port in ports]

    def __enter__(self) -> "Flood":
        self.began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        self.ended = time.monotonic()

    def _client(self, port: int) -> None:
        try:
            with Wire(port) as wire:
                while not self._stop.is_set():
                    asked = time.monotonic()
                    status = wire.request(self._request).status
                    self.answers.append((asked, time.monotonic(), status))
                    if self._pause:
                        time.sleep(self._pause)
        except BaseException as problem:
            self.broken.append(problem)

    def statuses(self, since: float = 0.0, until: float = float("inf")) -> Counter[int]:
        return Counter(status for asked, _, status in self.answers if since <= asked <= until)

    def latency(self, part: float, since: float = 0.0, until: float = float("inf")) -> float:
        """The quantile, in seconds."""
        times = sorted(answered - asked for asked, answered, _ in self.answers if since <= asked <= until)
        return times[min(int(len(times) * part), len(times) - 1)]
