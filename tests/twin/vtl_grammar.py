"""Templates at random: every directive, form of reference, operator and escape of Velocity 1.7, and text between.

What is left out, because there the service or this engine is another than Velocity as it comes:
- #include, #parse and #evaluate are refused (docs/templates.md).
- #foreach and #macro with malformed arguments are refused when the template is compiled; Velocity renders nothing.
- .class and what it leads to, and methods that give a Java array, stream or char: the first are confined, the others
  print an address, or are of another class than their text here.
- hashCode() of what #define has named: that is its address.
- Of #literal only a few: Velocity prints the tokens of its body after it has worked on their escapes.
- A macro is defined once: which of two counts depends on how Velocity is set up.
"""

from hypothesis import strategies as st

NAMES = ("a", "s", "i", "n", "big", "d", "t", "f", "e", "l", "w", "m", "zz", "x", "y", "q-1", "foreach",
         "velocityCount")
PARTS = (
    ".b", ".m.x", ".k", ".nothing", ".l", ".size()", ".length()", ".isEmpty()", ".empty", ".get(0)", ".get('b')",
    '.get("k")', ".toString()", ".substring(1)", ".substring(0, 2)", ".indexOf('l')", '.replace("l", "L")',
    ".toUpperCase()", ".contains('e')", ".contains(2)", ".keySet()", ".values()", ".entrySet()", ".equals($a)",
    ".equals(5)", ".concat($a)", ".trim()", ".startsWith('h')", "[0]", "[-1]", "['b']", '["m"].x', "[$i]",
    ".intValue()",
    ".add(9)", ".put('p', $i)", ".index", ".count", ".hasNext", ".first", ".last", ".matches('[a-z ]+')",
    ".replaceAll('o(.)', '<$1>')", ".split(' ').size()", ".compareTo('b')", ".doubleValue()", ".iterator().next()",
    ".remove('k')", ".containsKey('b')", ".subList(0, 1)", ".lastIndexOf('o')", ".addAll([1, 'z'])",
)
TEXTS = (
    "text", " ", "\n", "  \n", "\t", "\r\n", "a.b", ".", ",", "(", ")", "[", "]", "{", "}", '"', "'", "$", "#", "$$",
    "##  comment\n", "#* c *#", "#** d *#", "#[[ $a #if ]]#", "\\", "\\\\", "$5", "#1", "#fff", "#13ff93", "$!", "${",
    "price: $ 5", "<a href=\"#x\">", '{"k": "v"}', "é", "-", "!", "#set", "\\$a", "\\\\$a", "\\$zz", "\\#if", "\\#foo",
    "\\\\#if(true)x#end", "#foo", "#foo()", "#foo($a)", "#end2", "$.x", "$[", "||", "]]#", "*#", "#{", "#@", "$a-b",
)
TEXT = st.sampled_from(TEXTS)

REFERENCE = st.builds(
    lambda form, name, parts: form % f"{name}{''.join(parts)}",
    st.sampled_from(("$%s", "$%s", "$%s", "${%s}", "$!%s", "$!{%s}")),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(PARTS), max_size=2),
)
PLAIN = st.sampled_from(("$a", "$i", "$l", "$m", "$zz", "$x", "$m.b", "$l.size()", "$s", "$d", "$t", "$f", "$n", "$e"))
NUMBER = st.sampled_from(("0", "1", "2", "5", "-4", "7", "100", "2147483647", "9999999999", "1.5", "0.25", "3.0", "1e3",
                          "-2.5", "12345678.5", "99999999999999999999"))
STRING = st.sampled_from(('"a"', "'b'", '""', "'$a'", '"$a"', '"x${i}y"', '"it\'s $s"', '"say ""$a"""', "'it''s'",
                          '"#if($t)yes#{else}no#end"', '"$zz|$!zz"', '"#set($y = 3)$y"', '"\\$a \\\\"', '"a $ b # c"',
                          '"$m.b.length()"', '"\\u0041"', "'5'", '"A"', '"a ## b"', '"#foreach($q in $w)$q,#end"'))
LITERAL = NUMBER | STRING | st.sampled_from(("true", "false"))
SPACE = st.sampled_from(("", "", " "))


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


ATOM = LITERAL | PLAIN | REFERENCE
LIST = st.lists(ATOM, max_size=3).map(lambda items: f"[{', '.join(items)}]")
MAP = st.lists(st.tuples(STRING | NUMBER, ATOM), max_size=2).map(
    lambda pairs: "{" + ", ".join(f"{key} : {value}" for key, value in pairs) + "}"
)
BOUND = st.sampled_from(("0", "1", "3", "-2", "$i", "$zz", "$l.size()"))
RANGE = joined(st.just("["), SPACE, BOUND, SPACE, st.just(".."), SPACE, BOUND, SPACE, st.just("]"))
OPERATOR = st.sampled_from((" + ", " - ", " * ", " / ", " % ", "+", " == ", " != ", " < ", " > ", " <= ", ">=", " && ",
                            " || ", " and ", " or ", " eq ", " ne ", " lt ", " ge ", "==", "*"))


def expressions(depth: int) -> st.SearchStrategy[str]:
    base = ATOM | LIST | MAP | RANGE
    if not depth:
        return base
    inner = expressions(depth - 1)
    return st.one_of(
        base,
        joined(inner, OPERATOR, inner),
        joined(inner, OPERATOR, inner, OPERATOR, inner),
        joined(st.just("("), SPACE, inner, SPACE, st.just(")")),
        joined(st.sampled_from(("!", "not ")), inner),
    )


EXPRESSION = expressions(2)
CONDITION = st.one_of(EXPRESSION, PLAIN, joined(PLAIN, st.sampled_from((" == ", " != ", " > ")), ATOM))
TAIL = st.sampled_from(("", "", "\n", " \n", " ", "\r\n"))
TARGET = st.sampled_from(("$x", "$x", "$y", "$m.b", "$m.new", "$l[0]", "$m['k']", "$zz.y", "$m.m.x", "$q-1", "$a",
                          "${x}"))
SET = joined(
    st.sampled_from(("", "", "  ", "\t")), st.sampled_from(("#set(", "#set( ", "#set (", "#{set}(")), TARGET,
    st.sampled_from((" = ", "=")), EXPRESSION, SPACE, st.just(")"), TAIL,
)
END = st.sampled_from(("#end", "#end", "#{end}", "#end\n", "#end  \n"))


def bodies(depth: int, macros: bool = False) -> st.SearchStrategy[str]:
    parts = [TEXT, REFERENCE, SET, TEXT]
    if depth:
        inner = bodies(depth - 1)
        block = joined(st.sampled_from(("#if(", "#if (", "#{if}(")), CONDITION, st.just(")"), TAIL, inner)
        other = joined(st.sampled_from(("#else", "#{else}", "#else\n")), inner) | st.just("")
        further = joined(st.just("#elseif("), CONDITION, st.just(")"), inner) | st.just("")
        source = PLAIN | LIST | RANGE | MAP | STRING
        loop = joined(
            st.sampled_from(("#foreach($x in ", "#foreach( $q-1 in ", "#foreach ($y in ", "#{foreach}(${x} in ")),
            source, st.just(")"), TAIL, inner, st.sampled_from(("", "", "", "#break", "#if($x == 2)#break#end")),
            inner, END,
        )
        parts += [
            joined(block, further, other, END), loop,
            joined(st.sampled_from(("#define($x)", "#define( $y )\n")), inner, END),
            st.sampled_from(("#literal()$a #if($b)#end#end", "#literal() #set($x = 1)\n#end\n",
                             "#literal()#foo()#end")),
            st.sampled_from(("#stop", "#break", "$x.stop()", "#stop()", "$foreach.parent.index", "$velocityHasNext")),
        ]
    if macros:
        call = joined(
            st.sampled_from(("#one(", "#two( ", "#{one}(", "#three(")),
            st.lists(PLAIN | LITERAL | LIST | RANGE, max_size=3).map(" ".join), st.just(")"), TAIL,
        )
        block_call = joined(st.sampled_from(("#@one(", "#@two(")), ATOM, st.just(")"), TEXT, REFERENCE, END)
        parts += [call, block_call]
    return st.lists(st.one_of(parts), min_size=1, max_size=4).map("".join)


MACRO_BODY = bodies(1)
MACROS = joined(
    st.just("#macro(one $x $p)"), TAIL, MACRO_BODY,
    st.sampled_from(("$p", "$!x", "[$x|$p]", "$bodyContent", "#two($x)")), END,
    st.just("#macro(two $y)"), MACRO_BODY, st.sampled_from(("$y$y", "#set($y = 'in')$y", "#break", "$x")), END,
)
TEMPLATE = joined(st.one_of(bodies(2), bodies(1), joined(MACROS, bodies(2, macros=True)), bodies(3)), st.just("\n"))
