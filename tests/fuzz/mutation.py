"""Corpora of byte strings, seeded mutations of them, and ways to cut them into segments."""

import ast
import random
from collections.abc import Iterator, Sequence
from pathlib import Path


def corpus(name: str) -> list[bytes]:
    """tests/fuzz/NAME/corpus.txt: one message a line in Python's byte escapes. Add the input of every bug."""
    lines = (Path(__file__).parent / name / "corpus.txt").read_text("ascii").splitlines()
    return [ast.literal_eval(f'b"{line}"') for line in lines]


class Mutator:
    """Messages made of a corpus and of tokens that are put into them; the same seed makes the same ones."""

    def __init__(self, seed: int, messages: Sequence[bytes], tokens: Sequence[bytes]):
        self.chance = random.Random(seed)
        self._messages = messages
        self._tokens = tokens

    def messages(self, count: int) -> Iterator[bytes]:
        for _ in range(count):
            raw = self.chance.choice(self._messages)
            for _ in range(self.chance.randint(1, 4)):
                raw = self._mutated(raw)
            yield raw

    def cut(self, raw: bytes) -> list[bytes]:
        """Segments of random lengths, many short."""
        chance, segments, at = self.chance, [], 0
        while at < len(raw):
            step = chance.randint(1, chance.choice((1, 3, 20, len(raw))))
            segments.append(raw[at : at + step])
            at += step
        return segments

    def _mutated(self, raw: bytes) -> bytes:
        chance = self.chance
        where = chance.randint(0, len(raw))
        until = min(len(raw), where + chance.randint(0, 8))
        match chance.randrange(8):
            case 0:
                return raw[:where] + chance.choice(self._tokens) + raw[where:]
            case 1:
                return raw[:where] + raw[until:]
            case 2:
                return raw[:where] + raw[where:until] * chance.randint(2, 5) + raw[until:]
            case 3:
                return raw[:where] + bytes([chance.randrange(256)]) + raw[until:]
            case 4:
                return raw[:where] + chance.choice(self._messages)[where:]
            case 5:
                return raw[:where] + raw[where:until].swapcase() + raw[until:]
            case _:
                return self._with_line(raw)

    def _with_line(self, raw: bytes) -> bytes:
        """A line more, less, or twice: what most rules of a head are about."""
        lines = raw.split(b"\r\n")
        at = self.chance.randrange(len(lines))
        other = self.chance.choice(self._messages).split(b"\r\n")
        match self.chance.randrange(4):
            case 0:
                lines.insert(at, lines[at])
            case 1:
                del lines[at]
            case 2:
                lines.insert(at, self.chance.choice(other))
            case _:
                lines.insert(at, self.chance.choice(self._tokens).strip(b"\r\n"))
        return b"\r\n".join(lines)
