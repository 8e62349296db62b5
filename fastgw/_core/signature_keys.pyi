from typing import Any

from fastgw._core.policy import CompiledPolicy

Person = tuple[bytes, bytes, bytes, bytes, bytes, CompiledPolicy]

class Signatures:
    def __init__(self, rules: dict[str, Any], keys: list[tuple[bytes, bytes, bytes, int]],
                 roles: list[tuple[bytes, int, int]], people: list[Person], session_key: bytes) -> None: ...
