"""Handles of groups: made with the plan, resolved when the engine takes it, void when no exchange holds it any more."""


cdef class Handle:
    def __init__(self, bytes key):
        self.key = key

    def __repr__(self) -> str:
        return f"<group {self.key.decode('latin-1')}>"
