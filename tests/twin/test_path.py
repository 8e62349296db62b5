"""Canonical paths against tests/twin/oracle_path.py, their rules one by one, and trials B1 and B2."""

import posixpath
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgw._core.path import canonical, valid_query
from fastgw._core.router import Router
from tests.twin import oracle_path

GET, ANY = 0, 7

SOUND = b"/ / // . .. %2e %2E %2f %2F %25 %7e %C3%a9 a Z9 ~;x".split()
UNSOUND = b"%5c %00 % %4 %zz + @: [ | ? # \\ \x80".split()
sound_pieces = st.sampled_from(SOUND)
pieces = st.sampled_from([*SOUND, *UNSOUND, b" "])
raw_paths = st.one_of(
    st.lists(sound_pieces, max_size=14).map(lambda found: b"/" + b"".join(found)),
    st.lists(pieces, max_size=8).map(b"".join),
    st.binary(max_size=12),
)


def canonical_or_none(raw, **flags):
    try:
        return canonical(raw, **flags)
    except ValueError:
        return None


@settings(max_examples=3000, deadline=None)
@given(raw_paths, st.booleans(), st.booleans())
def test_agrees_with_the_oracle(raw, merge, encoded):
    flags = {"merge_slashes": merge, "pass_encoded_slash": encoded}
    found = canonical_or_none(raw, **flags)
    assert found == oracle_path.canonical(raw, **flags)
    if found is not None:
        assert canonical(found, **flags) == found
        assert len(found) <= len(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/", b"/"),
        (b"/a/b-c_d.e~f/!$&'()*+,;=:@[]", b"/a/b-c_d.e~f/!$&'()*+,;=:@[]"),
        (b"/%41%7a%30%2D%2e%5F%7E", b"/Az0-._~"),
        (b"/%c3%a9%3a%2b", b"/%C3%A9%3A%2B"),
        (b"/a/./b/../c", b"/a/c"),
        (b"/a/b/.", b"/a/b/"),
        (b"/a/b/..", b"/a/"),
        (b"/a/..", b"/"),
        (b"/..", b"/"),
        (b"/../../../etc", b"/etc"),
        (b"/a/%2e%2E/b", b"/b"),
        (b"/a/.%2e", b"/"),
        (b"/a/.../..b/.c./...", b"/a/.../..b/.c./..."),
        (b"/a//b///c//", b"/a/b/c/"),
        (b"/a//../b", b"/b"),
        (b"/a/..//b", b"/b"),
        (b"/%252e%252e/%2525", b"/%252e%252e/%2525"),
        (b"/%0d%0aX:%20y", b"/%0D%0AX:%20y"),
        (b"/a;v=1/..;/b", b"/a;v=1/..;/b"),
    ],
)
def test_canonical_form(raw, expected):
    assert canonical(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b"/a//b", b"/a//b"), (b"//", b"//"), (b"/a//../b", b"/a/b"), (b"//..", b"/"), (b"/a//.", b"/a//")],
)
def test_slashes_are_kept_unless_merged(raw, expected):
    assert canonical(raw, merge_slashes=False) == expected


@pytest.mark.parametrize(
    "raw",
    [b"", b"a", b"*", b"%2f", b"http://a/b", b"/a?b", b"/a#b", b"/a b", b"/a\tb", b"/a\x00", b"/a\x7f"]
    + [b"/caf\xe9", b"/a%", b"/a%4", b"/%zz", b"/%4g", b"/%%34%31", b"/%00", b"/a/..%00/b", b"/%5c"]
    + [b"/..%5C..", b"/a\\b", b"/%2f", b"/%2F", b"/..%2fadmin"]
    + [b"/a%s" % bytes([c]) for c in b'"<>{}|^`'],
)
def test_refused(raw):
    """By the pass that only looks, and by the one that rewrites."""
    for spelling in (raw, b"/x/.." + raw) if raw.startswith(b"/") else (raw,):
        with pytest.raises(ValueError, match="not a path"):
            canonical(spelling)


def test_an_encoded_slash_passes_on_request_and_separates_nothing():
    assert canonical(b"/a%2f..%2Fb/c", pass_encoded_slash=True) == b"/a%2F..%2Fb/c"
    with pytest.raises(ValueError, match="not a path"):
        canonical(b"/a%5cb", pass_encoded_slash=True)


def test_room_for_the_raw_path_is_always_enough():
    raw = b"/a%2d/" + b"b" * 100
    with pytest.raises(BufferError):
        canonical(raw, room=len(raw) - 1)
    assert canonical(raw, room=len(raw)) == b"/a-/" + b"b" * 100
    assert canonical(b"/already", room=0) == b"/already"


@pytest.mark.parametrize("window", [b"/a%2|e", b"/a%|2e", b"/a/.|./b", b"/a/|./b", b"/a|//b"])
def test_bytes_behind_the_path_are_not_read(window):
    alone, behind = window.split(b"|")
    view = memoryview(alone + behind)[: len(alone)]
    assert canonical_or_none(view) == oracle_path.canonical(alone)


@settings(max_examples=1000, deadline=None)
@given(st.one_of(st.binary(max_size=10), st.lists(pieces, max_size=8).map(b"".join)))
def test_query_agrees_with_the_oracle(query):
    assert valid_query(query) == oracle_path.valid_query(query)


@pytest.mark.parametrize("query", [b"", b"a=1&b=%2F%00", b"?x", b"q=%c3%A9+/:@", b'f={"a"}|^'])
def test_query_taken(query):
    assert valid_query(query)


@pytest.mark.parametrize("query", [b"#", b"a b", b"a=%", b"a=%2", b"a=%2g", b"\x7f", b"\xc3\xa9", b"a\r\nb"])
def test_query_refused(query):
    assert not valid_query(query)


# ---- B1, B2: one path for the matcher and the upstream ----

ADMIN_SPELLINGS = [
    b"/admin", b"/admin/", b"//admin", b"/./admin", b"/x/../admin", b"/../admin", b"/admin/.",
    b"/admin/x/..", b"/%61dmin", b"/%61%64%6D%69%6E", b"/%61%64%6d%69%6e", b"/adm%69n", b"/%2561dmin",
    b"/%252e/admin", b"/%2e/admin", b"/x/%2e%2e/admin", b"/x/.%2E/admin", b"/x/%2e./admin", b"/%2fadmin",
    b"/%2Fadmin", b"/x/..%2fadmin", b"/x%2f..%2fadmin", b"/admin%2f", b"/admin%2e", b"/admin%00",
    b"/admin%00.html", b"/admin;x", b"/admin;/", b"/;/admin", b"/..;/admin", b"/x/..;/admin", b"/\\admin",
    b"/%5cadmin", b"/x\\..\\admin", b"/x%5c..%5cadmin", b"/ADMIN", b"/Admin", b"/admin%20", b"/admin%09",
    b"/admin ", b"/%c0%afadmin", b"/%ef%bc%8fadmin", b"/x/%c0%ae%c0%ae/admin", b"/%u002fadmin", b"/admin?",
    b"/admin#", b"///x/..//admin//", b"/x/./../././admin", b"/x/y/../../admin", b"/.//admin",
]  # fmt: skip


def admin_table(filler: int) -> Router:
    routes = [(ANY, b"/admin", 0), (ANY, b"/admin/{rest+}", 0), (ANY, b"/{proxy+}", 1)]
    return Router(routes + [(GET, b"/filler/%d/{id}" % i, 2 + i) for i in range(filler)])


def lenient_server(target: bytes) -> bytes:
    """What a server makes of the forwarded path that decodes once, resolves dots and merges slashes."""
    return posixpath.normpath(b"/" + unquote_to_bytes(target).lstrip(b"/"))


def test_b1_no_spelling_of_a_denied_path_gets_past_the_matcher():
    router = admin_table(0)
    denied = refused = 0
    for spelling in ADMIN_SPELLINGS:
        forwarded = canonical_or_none(spelling)
        if forwarded is None:
            refused += 1
        elif router.match(GET, forwarded)[0] == 0:
            denied += 1
        else:
            served = lenient_server(forwarded)
            assert served != b"/admin" and not served.startswith(b"/admin/"), (spelling, forwarded)
    assert len(set(ADMIN_SPELLINGS)) == len(ADMIN_SPELLINGS) >= 26
    assert denied >= 20 and refused >= 12


@pytest.mark.parametrize(
    "spelling", [b"/%2fadmin", b"/x/..%2fadmin", b"/admin%00", b"/%5cadmin", b"/x\\..\\admin"]
)
def test_b1_encoded_slash_nul_and_backslash_are_refused(spelling):
    assert canonical_or_none(spelling) is None


def test_b2_the_verdict_does_not_depend_on_the_size_of_the_table():
    paths = [path for path in map(canonical_or_none, ADMIN_SPELLINGS) if path is not None]
    paths += [b"/admin/users", b"/admins", b"/adm", b"/filler", b"/", b"/ADMIN/users"]
    tables = {size: admin_table(size) for size in (1, 100, 101, 10_000)}
    verdicts = {size: [table.match(GET, path) for path in paths] for size, table in tables.items()}
    assert all(found == verdicts[1] for found in verdicts.values())
    assert tables[10_000].match(GET, b"/ADMIN") == (1, [b"ADMIN"])
