MORE: int
BAD: int

def header_of(head: bytes) -> tuple[int, str | None, int]: ...
