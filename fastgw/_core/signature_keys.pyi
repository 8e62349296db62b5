from typing import Any

class Signatures:
    def __init__(self, rules: dict[str, Any], keys: list[tuple[bytes, bytes, bytes, int]],
                 roles: list[tuple[bytes, int]], session_key: bytes) -> None: ...
