"""Have one call made for a request."""

from collections.abc import Awaitable, Callable

from fastgw._core.step import Call, CallFailed, Reply, Request, Sent

Then = Callable[[Request, Reply], object]


def ask(call: Call | Awaitable[Call], then: Then) -> Sent | Awaitable[Sent]:
    """then gets the Reply; a call that failed is the request's failure. An awaitable call is one whose credentials are
    not there yet."""

    def told(request: Request, outcome: Reply | CallFailed) -> object:
        if isinstance(outcome, CallFailed):
            raise outcome
        return then(request, outcome)

    return Sent(call, told) if isinstance(call, Call) else _ask_later(call, told)


async def _ask_later(call: Awaitable[Call], told: Callable[[Request, Reply | CallFailed], object]) -> Sent:
    return Sent(await call, told)
