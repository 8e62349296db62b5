from collections.abc import Iterable

class ClientContext:
    def __init__(
        self,
        trust: bytes | None = None,
        verify: bool = True,
        any_issuer: bool = False,
        certificate: bytes | None = None,
        key: bytes | None = None,
        alpn: Iterable[bytes] = (),
    ) -> None: ...
