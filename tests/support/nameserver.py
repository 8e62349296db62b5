"""A name server on loopback whose answers the test changes: A and SRV records over UDP (RFC 1035, RFC 2782)."""

import socket
import struct
import threading
from types import TracebackType

A, SRV = 1, 33
NAME_ERROR = 3


class NameServer:
    """records: (name, "A") -> addresses; (name, "SRV") -> (priority, weight, port, target) each.

    A name that has none does not exist.
    """

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list] = {}
        self.questions: list[tuple[str, int]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "NameServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", self._socket.getsockname())      # an empty datagram ends it
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            if not query:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        (kind,) = struct.unpack_from("!H", query, at + 1)
        name = ".".join(labels).lower()
        self.questions.append((name, kind))
        known = any(key[0] == name for key in self.records)
        found = [
            struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data
            for data in map(_encode, self.records.get((name, {A: "A", SRV: "SRV"}.get(kind, "")), []))
        ]
        flags = 0x8580 | (0 if known else NAME_ERROR)
        head = query[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0)
        return head + query[12 : at + 5] + b"".join(found)


def _encode(record: str | tuple[int, int, int, str]) -> bytes:
    if isinstance(record, str):
        return socket.inet_aton(record)
    priority, weight, port, target = record
    name = b"".join(bytes([len(label)]) + label.encode() for label in target.split(".")) + b"\0"
    return struct.pack("!HHH", priority, weight, port) + name
