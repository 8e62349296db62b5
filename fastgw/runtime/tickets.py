"""What TLS session tickets are sealed with: secrets that all workers of a node have, and that change together.

Each follows from the one before and does not lead back to it, so the workers need not talk to each other, and a secret
that is forgotten opens nothing any more: neither do the tickets of a day before, whoever reads the memory then.
"""

import hashlib
import os
import time
from dataclasses import dataclass, field

ROTATE_SECONDS = 12 * 3600.0
"""Longer than a ticket is good for (OpenSSL: two hours), so a good one is never refused for its age."""


@dataclass(slots=True)
class TicketSecrets:
    """now seals and opens, before still opens; due: time.monotonic() of the next change."""

    now: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    before: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    due: float = field(default_factory=lambda: time.monotonic() + ROTATE_SECONDS)

    def turn(self, moment: float) -> bool:
        """Bring them up to a moment of time.monotonic(); whether they have changed."""
        turned = False
        while moment >= self.due:
            self.before, self.now = self.now, hashlib.blake2b(self.now, digest_size=32, person=b"next").digest()
            self.due += ROTATE_SECONDS
            turned = True
        return turned
