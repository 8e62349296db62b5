"""Rows of the shared counters."""

from fastgw.model.api import Api, ApiKind, Route
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.integration import Mock
from fastgw.model.place import Place
from fastgw.observe import layout
from fastgw.runtime.slots import Slots

HERE = Place("pets.yaml", 1, 1)


def gateway(*paths, stages=("prod",)):
    routes = tuple(Route("GET", path, Mock(200, HERE), HERE) for path in paths)
    api = Api("pets", "abc", ApiKind.REST, routes, HERE)
    return Gateway((api,), tuple(Stage("pets", name) for name in stages), ())


def test_every_route_of_every_stage_has_its_own_row():
    rows = Slots().assign(gateway("/a", "/b", stages=("one", "two")))
    assert rows == {
        ("pets", "one", "GET", "/a"): 2,
        ("pets", "one", "GET", "/b"): 3,
        ("pets", "two", "GET", "/a"): 4,
        ("pets", "two", "GET", "/b"): 5,
    }
    assert not {layout.SLOT_UNROUTED, layout.SLOT_OTHER} & set(rows.values())


def test_a_row_stays_over_reloads_also_when_its_route_was_away():
    slots = Slots()
    first = slots.assign(gateway("/a", "/b"))
    assert slots.assign(gateway("/c")) == {("pets", "prod", "GET", "/c"): 4}
    assert slots.assign(gateway("/b", "/a")) == first
    assert slots.labels()[4] == ("pets", "prod", "GET", "/c")


def test_routes_beyond_the_last_row_share_one(monkeypatch):
    monkeypatch.setattr(layout, "SLOTS", 3)
    slots = Slots()
    rows = slots.assign(gateway("/a", "/b", "/c"))
    assert list(rows.values()) == [2, layout.SLOT_OTHER, layout.SLOT_OTHER]
    assert slots.labels() == {2: ("pets", "prod", "GET", "/a")}
