from collections.abc import Iterable

class ServerContext:
    def __init__(self, certificate: bytes, key: bytes, alpn: Iterable[bytes] = (b"http/1.1",)) -> None: ...

class ClientContext:
    def __init__(
        self,
        trust: bytes | None = None,
        verify: bool = True,
        certificate: bytes | None = None,
        key: bytes | None = None,
        alpn: Iterable[bytes] = (),
    ) -> None: ...
