"""Templates: what the corpus of the service and Velocity itself do not show. Limits, confinement, errors, lines."""

from contextlib import suppress
from time import process_time

import pytest

from fastgw.parts.transform.vtl import Limits, RenderError, TemplateError, compile_template

GENEROUS = Limits(cpu=60)


def render(text: str, limits: Limits = GENEROUS, **variables: object) -> str:
    return compile_template(text, "t", limits).render(variables)


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("a\n#if($x", 2, 7, "expected )"),
        ("a\n b #if(true) c", 2, 4, "#if has no #end"),
        ("#foreach($x in $y)\n", 1, 1, "#foreach has no #end"),
        ("x\n#end", 2, 1, "found '#end'"),
        ("#set(x = 1)", 1, 6, "expected a reference"),
        ("#set($x = )", 1, 11, "expected a value"),
        ("#set($x = null)", 1, 11, "expected a value"),
        ("#include('x')", 1, 1, "#include is not part"),
        ("#parse('x')", 1, 1, "#parse is not part"),
        ("#evaluate('x')", 1, 1, "#evaluate is not part"),
        ("a $", 1, 3, "last character"),
        ("a #[[ b", 1, 3, "no ]]#"),
        ('#set($x = "a\n#if(")', 2, 6, "expected a value"),
        ("#macro()x#end", 1, 1, "#macro takes a name"),
        ("#foreach($x)y#end", 1, 1, "#foreach takes an item"),
        ("#if(" + "(" * 100 + "1" + ")" * 100 + ")#end", 1, 65, "nested deeper"),
    ],
)
def test_mistakes_are_found_where_they_stand(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(text, "t")
    assert says in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_template_may_have_300_kilobytes() -> None:
    assert render("x" * 307_200) == "x" * 307_200
    with pytest.raises(TemplateError, match="longer than 307200 bytes"):
        compile_template("x" * 307_201)
    with pytest.raises(TemplateError, match="longer than 307200 bytes"):
        compile_template("é" * 153_601)


@pytest.mark.parametrize(
    "text",
    [
        "#if(true)" * 200 + "#end" * 200,
        "#foreach($x in [1])" * 40 + "#end" * 40,
        "$a" + ".b" * 100,
        "#set($x = 1" + " + 1" * 200 + ")",
        "#set($x = " + "[" * 200 + "]" * 200 + ")",
        "$a.b(" * 100 + ")" * 100,
    ],
)
def test_nesting_has_a_bound(text: str) -> None:
    with pytest.raises(TemplateError, match=r"nested|more than 60"):
        compile_template(text)


@pytest.mark.parametrize(
    "piece", ["$a.b ", "#if($a)x#end", "\\", "\\\\#", "$", "#", '#set($x="$a")', " ", "#[[", "#*", "\\$"],
)
def test_a_long_template_is_compiled_in_a_time_that_grows_with_it(piece: str) -> None:
    """Twice the text, less than four times the time: the best of three each, in CPU time."""
    def best(size: int) -> float:
        times = []
        for _ in range(3):
            began = process_time()
            with suppress(TemplateError):
                compile_template(piece * (size // len(piece)) + " ")
            times.append(process_time() - began)
        return min(times)

    assert best(6_000) < 4 * best(3_000) + 0.01


def test_many_branches_and_a_deep_enough_nest() -> None:
    branches = "".join(f"#elseif($x == {n})v{n}" for n in range(1, 300))
    assert render(f"#if($x == 0)v0{branches}#end", x=299) == "v299"
    assert render("#if(true)" * 50 + "x" + "#end" * 50) == "x"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('#set($x = "ab")#foreach($i in [1..100])#set($x = "$x$x")#end', "more text"),
        ('#set($x = "ab")#foreach($i in [1..100])#set($x = $x.concat($x))#end', "more text"),
        ('#set($x = "ab")#foreach($i in [1..100])#set($x = $x.replace("a", "aaaaaaaaab"))#end', "more text"),
        ('#set($x = "ab")#foreach($i in [1..100])#set($x = $x.replaceAll(".", "$0$0$0"))#end', "more text"),
        ('#set($x = "ab")#set($y = $x.repeat(99999999))', "more text"),
        ("#set($x = 9)#foreach($i in [1..100])#set($x = $x * $x)#end", "bits"),
        ("#set($x = [1..99999999])", "range"),
        ("#macro(f)#f()#end#f()", "20 deep"),
        ("#set($l = [1])#set($m = {})#foreach($i in [1..900])#set($m = {'a': $m})#end$m", "nested deeper"),
        ("#set($m = {})#set($m.l = [])#set($x = $m.l.add($m))$m", "nested deeper"),
        ("$big$big$big", "more text"),
    ],
)
def test_a_runaway_template_is_cut(text: str, says: str) -> None:
    with pytest.raises(RenderError, match=says):
        render(text, Limits(cpu=60, output=100_000), big="x" * 50_000)


@pytest.mark.parametrize(
    "text",
    [
        "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])#end#end#end",
        '#macro(f $x)#g("$x$x")#end#macro(g $x)#f("$x$x")#end#f("")',
        "#foreach($a in [1..1000])#foreach($b in [1..1000])#set($x = $l.contains($b))#end#end",
        '#foreach($a in [1..1000])#set($x = $s.indexOf("b"))#set($y = $s.toUpperCase())#end',
        '#foreach($a in [1..1000])#set($x = $s.matches("(a+)+b"))#end',
    ],
)
def test_the_time_of_a_template_is_bounded(text: str) -> None:
    with pytest.raises(RenderError, match=r"CPU time|20 deep|too many steps|more text"):
        render(text, Limits(cpu=0.02), l=["x"] * 10_000, s="a" * 900_000)


def test_a_loop_ends_after_its_limit() -> None:
    assert render("#set($n = 0)#foreach($x in [1..5000])#set($n = $n + 1)#end$n") == "1000"
    assert render("#foreach($x in [1..50])$x.#end", Limits(loops=3, cpu=60)) == "1.2.3."


@pytest.mark.parametrize("name", ["mro", "format", "gi_frame", "class", "append", "METHODS", "printed"])
@pytest.mark.parametrize("root", ["s", "i", "l", "m", "t", "d", "foreach", "it", "e"])
def test_nothing_of_python_is_reachable(root: str, name: str) -> None:
    text = (
        "#set($it = $l.iterator())#set($e = $m.entrySet().iterator().next())#foreach($x in [1])"
        f"[${root}.{name}][${root}.{name}()][${root}.{name}('x')]#end"
    )
    assert render(text, s="a", i=1, l=[1, 2], m={"k": "v"}, t=True, d=1.5) == "[][][]"


def test_no_name_of_a_part_begins_with_an_underscore() -> None:
    assert render("$s.__class__ $s.__class__.__mro__", s="a") == "a.__class__ a.__class__.__mro__"
    assert render("[$s['__class__']][$l['__class__']][$m['__class__']]", s="a", l=[1], m={}) == "[][][]"


def test_names_of_the_compiled_code_are_not_variables() -> None:
    names = ("c", "w", "b", "g", "v", "v1", "show", "str", "dict", "main", "macro_0", "__builtins__")
    assert render("".join(f"[${name}]" for name in names)) == "[]" * len(names)
    assert render("#set($show = 1)#set($g = 2)#set($c = 3)#set($w = 4)$show$g$c$w$x", x=5) == "12345"


def test_an_error_names_the_line() -> None:
    with pytest.raises(RenderError) as caught:
        render("a\nb\n#foreach($x in [1])\n$s.substring(9)\n#end", s="x")
    assert (caught.value.name, caught.value.line) == ("t", 4)
    assert "substring()" in caught.value.message


def test_a_trace_sees_each_reference_and_set() -> None:
    seen: list[tuple[int, str, object]] = []
    template = compile_template('#set($x = 1 + 2)\n#foreach($i in [1..2])\n$x $i.y "${u}"\n#end', "t", trace=True)
    template.render({}, trace=lambda *row: seen.append(row))
    assert seen == [(1, "#set $x", 3)] + 2 * [(3, "$x", 3), (3, "$i.y", None), (3, "${u}", None)]


def test_values_of_the_caller_change_only_where_the_template_says_so() -> None:
    variables = {"m": {"a": 1}, "n": 1}
    compile_template("#set($n = 2)#set($m.a = 2)#set($new = 1)").render(variables)
    assert variables == {"m": {"a": 2}, "n": 1}


def test_a_list_of_the_body_prints_as_json_and_one_of_the_template_as_java() -> None:
    value = [{"a": ["x/y", 1.5, None, True, "é\u2028"]}, 1e10]
    assert render("$v", v=value) == '[{"a":["x\\/y",1.5,null,true,"é\\u2028"]},1.0E10]'
    assert render("$v", v={"l": value[0]["a"][:3], "n": None}) == '{l=["x\\/y",1.5,null], n=null}'
    assert render("#set($l = [1, 'a', $v])$l", v={"k": [1]}) == "[1, a, {k=[1]}]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"), (-0.0, "-0.0"), (0.001, "0.001"), (0.0001, "1.0E-4"), (0.00012345, "1.2345E-4"),
        (9999999.0, "9999999.0"), (1e7, "1.0E7"), (123456789.125, "1.23456789125E8"), (1e22, "1.0E22"),
        (1.5e300, "1.5E300"), (5e-324, "5.0E-324"), (float("inf"), "Infinity"), (float("nan"), "NaN"),
        (-12345678.9, "-1.23456789E7"), (100.0, "100.0"),
    ],
)
def test_doubles_print_as_java_prints_them(value: float, text: str) -> None:
    assert render("$v", v=value) == text


def test_regular_expressions_of_java() -> None:
    assert render("$s.replaceAll('(?<w>[a-c]+)(\\d)', '${w}-$2\\$')", s="ab1 x2 c3") == "ab-1$ x2 c-3$"
    assert render("$s.matches('\\p{Alpha}+\\Q.\\E[\\p{Digit}x]')", s="ab.5") == "true"
    assert render("$s.split(',').size() $s.split(',', -1).size() $s.split('').size()", s="a,b,,") == "2 4 5"
    assert render("$s.replaceAll('', '-')", s="añ") == "-a-ñ-"
    for pattern, says in (("[a-z&&[b]]", "intersection"), ("[a[b]]", "within a class"), ("(", "parenthes")):
        with pytest.raises(RenderError, match=says):
            render(f"$s.matches('{pattern}')", s="x")
    with pytest.raises(RenderError, match="too many steps"):
        render("$s.matches('(a|aa|aaa)+$')", s="a" * 5000 + "b")


def test_texts_are_counted_in_utf16_units() -> None:
    assert render("$s.length() $s.indexOf('b') $s.substring(2) $s.charAt(2)", s="\U0001f600b") == "3 2 b b"
