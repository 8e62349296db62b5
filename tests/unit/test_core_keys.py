"""The table of API keys: look-ups, rows that last, a million keys."""

import os
from collections import Counter

import pytest

from fastgw._core import keys
from fastgw._core.cells import FIRST, Cells, create
from fastgw._core.siphash import digest
from fastgw.model.usage import KeyRing


def ring(*given, plans=("gold",)):
    made = KeyRing()
    for name, value in given:
        made.add(name, value, True, plans)
    return made


class Tables:
    """Builds tables over one file of cells, as the supervisor does."""

    def __init__(self, capacity=1 << 16):
        fd = create(capacity, 2)
        self.cells = Cells(fd)
        os.close(fd)
        self.rows = keys.Rows(self.cells, FIRST)

    def build(self, made, methods=0, numbers=None):
        plans = [((numbers or {}).get(name, i), name, methods, False) for i, name in enumerate(made.plans)]
        fd = keys.build(memoryview(made.packed), plans, self.rows)
        try:
            return keys.KeyTable(fd, writable=True)
        finally:
            os.close(fd)


# From the authors' reference implementation: key 00 to 0f, input 00, 01, 02 ... of each length.
VECTORS = {0: "a3817f04ba25a8e66df67214c7550293", 15: "5493e99933b0a8117e08ec0f97cfc3d9"}


@pytest.mark.parametrize("length", VECTORS)
def test_the_digest_is_siphash(length):
    assert digest(bytes(range(16)), bytes(range(length))).hex() == VECTORS[length]


def test_a_key_is_found_by_its_value_alone():
    table = Tables().build(ring(("acme", "a" * 20), ("zoo", "b" * 128)))
    assert (table.find(b"a" * 20), table.find(b"b" * 128)) == ("acme", "zoo")
    for value in (b"", b"a", b"a" * 19, b"a" * 21, b"A" * 20, b"a" * 19 + b"\0", b"acme", b"b" * 127):
        assert table.find(value) is None
    assert len(table) == 2


def test_no_key_is_in_a_table_of_none():
    table = Tables().build(KeyRing())
    assert table.find(b"a" * 20) is None
    assert list(table) == []


def test_a_switched_key_is_switched_for_everybody():
    tables = Tables()
    made = ring(("acme", "a" * 20), ("zoo", "b" * 20))
    fd = keys.build(memoryview(made.packed), [(0, "gold", 0, False)], tables.rows)
    ours, theirs = keys.KeyTable(fd, writable=True), keys.KeyTable(fd)
    os.close(fd)
    assert ours.switch("acme", False)
    assert theirs.find(b"a" * 20) is None
    assert theirs.find(b"b" * 20) == "zoo"
    assert theirs.get("acme")[0] is False
    assert ours.switch("acme", True)
    assert theirs.find(b"a" * 20) == "acme"
    assert not ours.switch("nobody", False)


def test_a_value_is_not_in_the_table():
    made = ring(("acme", "the-secret-of-the-acme-company"))
    fd = keys.build(memoryview(made.packed), [(0, "gold", 0, False)], Tables().rows)
    text = os.pread(fd, os.fstat(fd).st_size, 0)
    os.close(fd)
    assert b"acme" in text
    assert b"the-secret" not in text


def test_two_keys_of_one_value_are_named():
    with pytest.raises(keys.SameValue) as found:
        Tables().build(ring(("acme", "a" * 20), ("zoo", "a" * 20)))
    assert found.value.names == ("acme", "zoo")


def test_rows_last_over_tables_and_absence():
    tables = Tables()
    first = tables.build(ring(("acme", "a" * 20), ("zoo", "b" * 20)))
    acme, zoo = first.get("acme")[1][0][2], first.get("zoo")[1][0][2]
    assert acme != zoo
    tables.build(ring(("zoo", "b" * 20)))
    later = tables.build(ring(("new", "c" * 20), ("zoo", "d" * 20), ("acme", "e" * 20)))
    assert (later.get("acme")[1][0][2], later.get("zoo")[1][0][2]) == (acme, zoo)
    assert later.get("new")[1][0][2] not in (acme, zoo)


def test_a_row_belongs_to_a_key_under_a_plan():
    tables = Tables()
    made = KeyRing()
    made.add("acme", "a" * 20, True, ("gold", "silver"))
    made.add("ac", "b" * 20, False, ())
    table = tables.build(made, numbers={"gold": 7, "silver": 3})
    enabled, uses = table.get("acme")
    assert enabled and [use[:2] for use in uses] == [("acme", 7), ("acme", 3)]
    for use in uses:
        assert table.owner(use[2] + keys.USAGE) == table.owner(use[2] + keys.BUCKET) == use
    assert table.get("ac") == (False, [])
    assert table.owner(tables.rows.given) is None
    assert [key[:2] for key in table] == [("acme", True), ("ac", False)]


def test_counts_stay_when_a_plan_gains_methods():
    tables = Tables()
    made = ring(("acme", "a" * 20))
    row = tables.build(made, methods=1).get("acme")[1][0][2]
    tables.cells.store(row + keys.USAGE, 99)
    assert tables.build(made, methods=9).get("acme")[1][0][2] == row
    assert tables.cells.load(row + keys.USAGE) == 99


def test_cells_that_do_not_suffice():
    with pytest.raises(keys.Full):
        Tables(capacity=1024).build(ring(*((f"key{n}", f"{n:020}") for n in range(600))))


def test_a_million_keys():
    made = ring(*((f"key-{n}", f"{n:032x}") for n in range(1_000_000)))
    table = Tables(capacity=1 << 22).build(made)
    assert len(table) == 1_000_000
    assert all(table.find(f"{n:032x}".encode()) == f"key-{n}" for n in range(0, 1_000_000, 997))
    assert not any(table.find(f"{n:032x}".encode()) for n in range(1_000_000, 1_100_000, 97))


def test_nobody_can_foresee_where_a_value_stands():
    """A flood of values that share their place under one secret is spread under another."""
    one, other = os.urandom(16), os.urandom(16)
    flood = [value for n in range(1 << 14) if digest(one, value := b"%020d" % n)[0] == 0]
    places = Counter(digest(other, value)[0] for value in flood)
    assert len(flood) > 20
    assert max(places.values()) < len(flood) / 3
    made = ring(("acme", "a" * 20))
    descriptors = [keys.build(memoryview(made.packed), [(0, "gold", 0, False)], Tables().rows) for _ in range(2)]
    assert os.pread(descriptors[0], 64, 0) != os.pread(descriptors[1], 64, 0)
    for fd in descriptors:
        os.close(fd)
