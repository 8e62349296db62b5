def canonical(
    raw: bytes | memoryview,
    *,
    merge_slashes: bool = True,
    pass_encoded_slash: bool = False,
    room: int | None = None,
) -> bytes: ...
def valid_query(query: bytes | memoryview) -> bool: ...
