FREE: int
RATIO: int

def decoded(body: bytes, gzip: bool, limit: int) -> bytes | int: ...
