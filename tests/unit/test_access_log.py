"""Access logs: templates, rings of lines, and the files they go to."""

import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgw._core.accesslog import LINE_BYTES, VALUE_MOST
from fastgw._core.plan import Plan
from fastgw.control.logwriter import LogWriter
from fastgw.load.accesslog import PRESETS
from fastgw.model.accesslog import AccessLog, LogStyle
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.place import Place
from fastgw.model.value import Context, Static
from fastgw.observe import layout
from fastgw.plan.accesslog import compile_log
from fastgw.plan.compiler import compile_plan
from fastgw.runtime import logs
from fastgw.runtime.logs import LogFiles, Ring
from fastgw.runtime.peer import Refused
from fastgw.runtime.slots import Slots
from fastgw.settings import Settings
from tests.support.definition import mock, openapi
from tests.support.door import Doors, eventually, run, written
from tests.support.latin import ONE_AS_LATIN1
from tests.support.load_files import Files, messages

BUFFER = 262_144
PLACE = Place("f", 1, 2)


# --- templates


def parts_of(tmp_path: Path, log: dict) -> AccessLog:
    files = Files(tmp_path)
    files.write("api.json", openapi({"/a": {"get": mock()}}))
    loaded = files.load({"fastgw": 1, "apis": {"a": {"definition": "api.json"}}, "log": log}, "fastgw.yaml")
    assert loaded.gateway, messages(loaded)
    assert loaded.gateway.stages[0].log == loaded.gateway.log
    return loaded.gateway.log


def test_a_format_is_taken_apart(tmp_path: Path) -> None:
    found = parts_of(tmp_path, {"file": "x/a.log", "format": "<$context.requestId>: $context.identity.sourceIp."})
    assert found.file == str(tmp_path / "x" / "a.log") and found.style is LogStyle.XML
    assert found.parts == (Static("<"), Context("requestId"), Static(">: "), Context("identity.sourceIp"), Static("."))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_compile(tmp_path: Path, name: str) -> None:
    found = parts_of(tmp_path, {"file": "-", "preset": name})
    assert found.file == "-" and found.style is (LogStyle.JSON if name in ("json", "aws") else LogStyle.TEXT)
    assert compile_log(found, {"-": 3})["file"] == 3
    assert compile_log(found, {}) is None


def test_a_line_that_could_grow_too_long_is_refused() -> None:
    fits = LINE_BYTES // VALUE_MOST

    def log(count: int) -> AccessLog:
        return AccessLog("-", LogStyle.TEXT, (Context("path"),) * count, PLACE)

    assert compile_log(log(fits), {"-": 0})["most"] <= LINE_BYTES
    with pytest.raises(ValueError, match=r"f:1:2: error: a line of this log could be .* at most 65,536"):
        compile_log(log(fits + 1), {"-": 0})


# --- lines, by an engine in this process


@pytest.fixture
def ring() -> Iterator[tuple[int, Ring]]:
    fd = logs.create(1, BUFFER)
    ring = Ring(fd, 0, BUFFER)
    yield fd, ring
    ring.close()
    os.close(fd)


FORMATS = {
    "json": '{"id":"$context.requestId","in":"$context.identity.userAgent","bare":$context.identity.userAgent}',
    "text": '$context.requestId "$context.identity.userAgent"',
    "xml": '<a id="$context.requestId" in="$context.identity.userAgent"/>',
}


def plan_of(folder: Path, template: str) -> Plan:
    parsed = parts_of(folder, {"file": "-", "format": template})
    files = Files(folder)
    text = {"fastgw": 1, "apis": {"a": {"definition": "api.json"}}, "log": {"file": "-", "format": template}}
    gateway = files.load(text, "fastgw.yaml").gateway
    return compile_plan(gateway, Settings(), Slots().assign(gateway), logs={parsed.file: 0})


def lines_for(plan: Plan, agents: list[bytes]) -> list[bytes]:
    """The line of one request for each User-Agent, all on one connection."""
    fd = logs.create(1, 1 << 22)
    ring = Ring(fd, 0, 1 << 22)
    try:
        run(ask(plan, ring, agents))
        return list(written(ring.view))
    finally:
        ring.close()
        os.close(fd)


async def ask(plan: Plan, ring: Ring, agents: list[bytes]) -> None:
    async with Doors(plan, log=ring.view) as doors:
        client = await doors.client()
        for agent in agents:
            client.writer.write(b"GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: " + agent + b"\r\n\r\n")
            assert (await client.answer())[0] == 200


# What the engine lets through as a field value: no control byte but tab, no space around it.
AGENTS = st.lists(
    st.binary(max_size=40)
    .map(lambda data: bytes(b for b in data if (b >= 32 and b != 127) or b == 9).strip(b" \t"))
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).map(lambda t: t.encode().strip(b" \t")),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    return {name: plan_of(tmp_path_factory.mktemp(name), text) for name, text in FORMATS.items()}


@given(AGENTS)
def test_json_gives_back_what_came_in(plans: dict[str, Plan], agents: list[bytes]) -> None:
    """The oracle is json.loads."""
    for line, agent in zip(lines_for(plans["json"], agents), agents, strict=True):
        assert line.endswith(b"\n") and line.decode().splitlines() == [line.decode()[:-1]]
        found = json.loads(line)
        assert found["in"] == found["bare"] == agent.decode(errors=ONE_AS_LATIN1)


@given(AGENTS)
def test_text_gives_back_what_came_in(plans: dict[str, Plan], agents: list[bytes]) -> None:
    """Undoing \\xHH is unambiguous, for a backslash never stands for itself."""
    for line, agent in zip(lines_for(plans["text"], agents), agents, strict=True):
        found = re.fullmatch(rb'[0-9a-f-]{36} "([^"]*)"\n', line)[1]
        assert line.decode().splitlines() == [line.decode()[:-1]]
        assert re.sub(rb"\\x([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), found) == agent


@given(AGENTS)
def test_xml_stays_in_its_attribute(plans: dict[str, Plan], agents: list[bytes]) -> None:
    for line in lines_for(plans["xml"], agents):
        inner = re.fullmatch(rb'<a id="[0-9a-f-]{36}" in="([^"]*)"/>\n', line)[1]
        assert not set(b"<>'") & set(inner) and not re.search(rb"&(?!#x[0-9A-F]{2};)", inner)


@pytest.mark.parametrize("size", [2040, 2048, 2049, 5000])
def test_a_long_value_is_cut_and_marked(plans: dict[str, Plan], size: int) -> None:
    for agent in (b"a" * size, b"\xff" * size, "é".encode() * (size // 2)):
        (line,) = lines_for(plans["json"], [agent])
        found = json.loads(line)["in"]
        whole = agent.decode(errors=ONE_AS_LATIN1)
        assert found == whole or (found.endswith("[cut]") and whole.startswith(found.removesuffix("[cut]")))
        assert len(line) < 2 * VALUE_MOST + 100
        assert found == whole or len(agent) > 300


def test_a_full_ring_drops_and_counts(plans: dict[str, Plan], ring: tuple[int, Ring]) -> None:
    counted = []

    async def fill() -> None:
        async with Doors(plans["text"], log=ring[1].view) as doors:
            client = await doors.client()
            for _ in range(200):
                client.writer.write(b"GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: " + b"a" * 1990 + b"\r\n\r\n")
                assert (await client.answer())[0] == 200
            counted.extend((doors.cell(layout.H_LOG_LINES), doors.cell(layout.H_LOG_DROPPED)))

    run(fill())
    lines, dropped = counted
    assert lines + dropped == 200 and 100 < lines < 131
    assert [len(line) for line in written(ring[1].view)] == [36 + 3 + 1990 + 1] * lines


# --- files


class Writer:
    """A ring, a thread that appends lines as an engine would, and the writer of the files."""

    def __init__(self, folder: Path, **settings: int) -> None:
        self.settings = Settings(log_buffer_bytes=BUFFER, **settings)
        self.fd = logs.create(2, BUFFER)
        self.rings = [Ring(self.fd, worker, BUFFER) for worker in range(2)]
        self.file = folder / "a.log"
        self.writer = LogWriter(self.fd, 2, self.settings)

    def put(self, worker: int, line: bytes, file: int = 0) -> bool:
        """False: there was no room."""
        view = self.rings[worker].view
        head, tail = (int.from_bytes(view[at : at + 8], "little") for at in (0, 64))
        size = -(-(len(line) + 8) // 8) * 8
        at = head % BUFFER
        skip = BUFFER - at if BUFFER - at < size else 0
        if BUFFER - (head - tail) < skip + size:
            return False
        if skip:
            view[4096 + at : 4096 + at + 4] = b"\xff" * 4
            at = 0
        record = len(line).to_bytes(4, "little") + file.to_bytes(4, "little") + line
        view[4096 + at : 4096 + at + len(record)] = record
        view[0:8] = (head + skip + size).to_bytes(8, "little")
        return True

    def successor(self) -> None:
        """Another process goes on; this one does nothing more."""
        self.writer = LogWriter(self.fd, 2, self.settings)

    def close(self) -> None:
        self.writer.close()
        for ring in self.rings:
            ring.close()
        os.close(self.fd)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path)
    yield writer
    writer.close()


def text_of(path: Path) -> str:
    """Of a file that may be on its way to another name."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def numbered(text: str) -> dict[str, list[int]]:
    """Worker -> its numbers in order."""
    found: dict[str, list[int]] = {}
    for line in text.splitlines():
        worker, number = line.split()
        found.setdefault(worker, []).append(int(number))
    return found


def test_lines_of_all_workers_in_their_order(made: Writer) -> None:
    assert made.writer.use({str(made.file): 0}) == {}
    count = 20_000

    def fill(worker: int) -> None:
        for number in range(count):
            while not made.put(worker, b"%d %d\n" % (worker, number)):
                pass

    threads = [threading.Thread(target=fill, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.writer.close()
    assert numbered(made.file.read_text()) == {"0": list(range(count)), "1": list(range(count))}


def test_rotation_by_size_loses_nothing(tmp_path: Path) -> None:
    made = Writer(tmp_path, log_rotate_bytes=50_000, log_rotate_keep=100)
    made.writer.use({str(made.file): 0})
    for number in range(20_000):
        while not made.put(0, b"0 %d\n" % number):
            pass
        if number % 5000 == 4999:
            run(eventually_of(lambda wanted=f"0 {number}\n": text_of(made.file).endswith(wanted)))
    made.close()
    files = [*sorted(tmp_path.glob("a.log.*"), key=lambda path: -int(path.suffix[1:])), made.file]
    assert len(files) > 2
    assert numbered("".join(path.read_text() for path in files)) == {"0": list(range(20_000))}
    assert all(path.read_bytes().endswith(b"\n") for path in files)


def test_only_so_many_renamed_files_are_kept(tmp_path: Path) -> None:
    made = Writer(tmp_path, log_rotate_bytes=10, log_rotate_keep=2)
    made.writer.use({str(made.file): 0})
    for number in range(5):
        made.put(0, b"0 %d\n" % number * 3)
        lines = f"0 {number}\n" * 3
        run(eventually_of(lambda wanted=lines: text_of(made.file) == wanted))
    made.close()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.log", "a.log.1", "a.log.2"]
    assert (tmp_path / "a.log.2").read_text() == "0 2\n" * 3


async def eventually_of(check) -> None:
    assert await eventually(check)


def test_a_file_is_opened_anew(made: Writer) -> None:
    made.writer.use({str(made.file): 0})
    made.put(0, b"0 1\n")
    run(eventually_of(lambda: made.file.read_text() == "0 1\n"))
    moved = made.file.rename(made.file.with_name("old"))
    made.put(0, b"0 2\n")
    run(eventually_of(lambda: moved.read_text() == "0 1\n0 2\n"))
    assert made.writer.reopen() == {}
    made.put(0, b"0 3\n")
    run(eventually_of(lambda: made.file.exists() and made.file.read_text() == "0 3\n"))


def test_a_file_that_cannot_be_opened_is_told_and_its_lines_wait(made: Writer) -> None:
    path = made.file.parent / "missing" / "a.log"
    assert made.writer.use({str(path): 0}) == {str(path): "no such file or directory"}
    made.put(0, b"0 1\n")
    path.parent.mkdir()
    run(eventually_of(lambda: path.exists() and path.read_text() == "0 1\n"))


def test_a_successor_cuts_a_torn_line_and_writes_it_again(made: Writer) -> None:
    """As after a kill within a write: the batch is still in the ring, a piece of it in the file."""
    made.put(0, b"0 1\n")
    made.put(1, b"1 1\n")
    made.writer._rings.collect()
    made.file.write_text("0 0\n0 ")
    made.successor()
    made.writer.use({str(made.file): 0})
    made.writer.close()
    assert numbered(made.file.read_text()) == {"0": [0, 1], "1": [1]}


def test_a_first_start_leaves_the_end_of_a_file_alone(made: Writer) -> None:
    made.file.write_text("not ours")
    made.writer.use({str(made.file): 0})
    made.writer.close()
    assert made.file.read_text() == "not ours"


def test_a_record_that_is_none_stops_at_what_is_behind_it(made: Writer) -> None:
    made.put(0, b"0 1\n")
    made.put(0, b"0 2\n", file=1 << 20)
    made.put(1, b"1 1\n")
    made.writer.use({str(made.file): 0})
    made.writer.close()
    assert numbered(made.file.read_text()) == {"0": [1], "1": [1]}


def test_files_keep_their_numbers() -> None:
    def gateway(*names: str):
        log = [AccessLog(name, LogStyle.TEXT, (), PLACE) for name in names]
        stages = tuple(Stage("a", name, log=entry) for name, entry in zip(names, log, strict=True))
        return Gateway((), stages, ())

    files = LogFiles()
    assert files.assign(gateway("/a", "/b")) == {"/a": 0, "/b": 1}
    assert files.assign(gateway("/c", "/b")) == {"/a": 0, "/b": 1, "/c": 2}
    with pytest.raises(Refused, match="more than 1,024 files"):
        files.assign(gateway(*(f"/{n}" for n in range(1024))))
