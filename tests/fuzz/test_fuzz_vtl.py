"""Fuzz targets of the template engine and of JSONPath: whatever the text, a result or an error of theirs, in time.

The committed corpora are used as they are, then mutated from fixed seeds. FUZZ_ROUNDS raises the number of mutations.
"""

import json
import os

import pytest

from fastgw.parts.transform.inputs import UTIL, Input, overrides
from fastgw.parts.transform.jsonpath import compile_path
from fastgw.parts.transform.vtl import Limits, RenderError, TemplateError, compile_template
from fastgw.parts.transform.vtl.values import QuietMap
from tests.fuzz.mutation import Mutator, corpus

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "250"))
LIMITS = Limits(loops=50, cpu=0.1, output=50_000)
VALUE = {"a": {"b": {"c": {"d": [1]}}, "x": "y"}, "l": [{"x": [], "y": "ab", "z": ["q"]}, {"a": 5}],
         "s": "a" * 40 + "b"}
BODY = json.dumps(VALUE).encode()

TEMPLATES = corpus("vtl")
TOKENS = (
    b"#", b"$", b"\\", b"!", b"{", b"}", b"(", b")", b"[", b"]", b'"', b"'", b".", b"..", b",", b":", b"\n", b" ", b"=",
    b"==", b"&&", b"||", b"-", b"*", b"%", b"#if(", b"#end", b"#else", b"#elseif(", b"#foreach($x in ", b"#set($x = ",
    b"#macro(m $x)", b"#m($x)", b"#@m(1)", b"#define($x)", b"#stop", b"#break", b"#[[", b"]]#", b"#*", b"*#", b"##",
    b"$x", b"${x}", b"$!x", b".size()", b".get(0)", b"[0]", b".put('a', $x)", b".add($x)", b".substring(1, 2)",
    b"1e999",
    b".replaceAll('", b".iterator()", b".entrySet()", b"$foreach", b"$input.path('$..*')", b"$util.parseJson(", b"\xff",
    b"\x00", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"\\u00", b"99999999999999999999", b".class", b".__class__",
)
PATHS = corpus("jsonpath")
PATH_TOKENS = (b"$", b"@", b".", b"..", b"*", b"[", b"]", b"'", b"(", b")", b"?(", b"&&", b"||", b"!", b"==", b"=~",
               b"/",
               b"in", b"-1", b":", b",", b"{", b"}", b"null", b" ", b"\\", b".length()", b"\xff", b"size", b"1e9")


def render(raw: bytes) -> None:
    variables = {
        "input": Input(BODY, {"id": "1"}, {}, {"H": "v"}), "util": UTIL, "stageVariables": {"v": "1"},
        "context": QuietMap(overrides()), "l": [3, 1, 2], "m": {"b": {"k": None}}, "s": "a,b,c", "a": 1,
    }
    try:
        text = compile_template(raw.decode(errors="replace"), "t", LIMITS).render(variables)
    except (TemplateError, RenderError) as error:
        assert error.message
    else:
        assert isinstance(text, str)
        assert len(text) <= max(LIMITS.output, len(raw))


def find(raw: bytes) -> None:
    try:
        compile_path(raw.decode(errors="replace")).find(VALUE)
    except RenderError as error:
        assert error.message


@pytest.mark.parametrize("raw", TEMPLATES)
def test_template_corpus(raw: bytes) -> None:
    render(raw)


@pytest.mark.parametrize("seed", range(4))
def test_templates_mutated(seed: int) -> None:
    for raw in Mutator(seed, TEMPLATES, TOKENS).messages(ROUNDS):
        render(raw)


@pytest.mark.parametrize("raw", PATHS)
def test_path_corpus(raw: bytes) -> None:
    find(raw)


@pytest.mark.parametrize("seed", range(2))
def test_paths_mutated(seed: int) -> None:
    for raw in Mutator(seed, PATHS, PATH_TOKENS).messages(ROUNDS * 2):
        find(raw)
