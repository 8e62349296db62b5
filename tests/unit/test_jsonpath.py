"""JSONPath as Jayway reads it: what is found, what is nothing, what is refused."""

import pytest

from fastgw.parts.transform.jsonpath import MISSING, PathError, compile_path
from fastgw.parts.transform.vtl import RenderError

STORE = {
    "store": {
        "book": [
            {"category": "reference", "author": "Rees", "title": "Sayings", "price": 8.95},
            {"category": "fiction", "author": "Waugh", "title": "Sword", "price": 12.99},
            {"category": "fiction", "author": "Melville", "title": "Moby Dick", "isbn": "0-553-21311-3", "price": 8.99},
            {"category": "fiction", "author": "Tolkien", "title": "Rings", "isbn": "0-395-19395-8", "price": 22.99},
        ],
        "bicycle": {"color": "red", "price": 19.95},
    },
    "limit": 10,
    "a.b": {"it's": [1]},
    "none": None,
    "matrix": [[1, 2], [3, 4]],
    "text": "abc",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", STORE),
        ("$.limit", 10),
        ("limit", 10),
        ("$['limit']", 10),
        ('$["a.b"][\'it\\\'s\'][0]', 1),
        ("$.store.bicycle.color", "red"),
        ("$.none", None),
        ("$.nothing", MISSING),
        ("$.none.more", MISSING),
        ("$.text.more", MISSING),
        ("$.nothing[*]", MISSING),
        ("$.nothing[0:1]", MISSING),
        ("$.text[0]", MISSING),
        ("$.matrix[5]", MISSING),
        ("$.matrix[5][*]", []),
        ("$.matrix[-1][0]", 3),
        ("$.matrix[*][1]", [2, 4]),
        ("$.matrix[0][0,1]", [1, 2]),
        ("$.matrix[0][:1]", [1]),
        ("$.matrix[0][1:]", [2]),
        ("$.matrix[0][-1:]", [2]),
        ("$.store.book[*].author", ["Rees", "Waugh", "Melville", "Tolkien"]),
        ("$..author", ["Rees", "Waugh", "Melville", "Tolkien"]),
        ("$.store..price", [8.95, 12.99, 8.99, 22.99, 19.95]),
        ("$..nothing", []),
        ("$..book[2].title", ["Moby Dick"]),
        ("$..book[-1:].title", ["Rings"]),
        ("$.store.bicycle.*", ["red", 19.95]),
        ("$.store.bicycle['color','price']", {"color": "red", "price": 19.95}),
        ("$.store.book[?(@.isbn)].title", ["Moby Dick", "Rings"]),
        ("$.store.book[?(!@.isbn)].title", ["Sayings", "Sword"]),
        ("$.store.book[?(@.price < $.limit)].title", ["Sayings", "Moby Dick"]),
        ("$.store.book[?(@.price >= 12.99 && @.category == 'fiction')].title", ["Sword", "Rings"]),
        ("$.store.book[?(@.price < 8.96 || (@.author == \"Tolkien\"))].title", ["Sayings", "Rings"]),
        ("$.store.book[?(@.author =~ /.*LL.*/i)].title", ["Moby Dick"]),
        ("$.store.book[?(@.author in ['Rees', 'Waugh'])].price", [8.95, 12.99]),
        ("$.store.book[?(@.category nin ['fiction'])].price", [8.95]),
        ("$.store.book[?(@.author size 4)].price", [8.95]),
        ("$.store.book[?(@.title contains 'Dick')].price", [8.99]),
        ("$.store.book[?(@.isbn empty false)].price", [8.99, 22.99]),
        ("$.matrix[?(@ anyof [3])]", [[3, 4]]),
        ("$.matrix[?(@ noneof [3])]", [[1, 2]]),
        ("$.matrix[?(@ subsetof [1, 2, 9])]", [[1, 2]]),
        ("$.store.book[?(@.price == '8.95')].author", ["Rees"]),
        ("$.store.book[?(@.missing == null)]", []),
        ("$.store.bicycle[?(@.color == 'red')].price", [19.95]),
        ("$..[?(@.price > 19)].price", [22.99, 19.95]),
        ("$.store.book.length()", 4),
        ("$..book.length()", 1),
        ("$.matrix[0].max()", 2.0),
        ("$.matrix[0].sum()", 3.0),
        ("$.matrix[0].avg()", 1.5),
        ("$.store.bicycle.keys()", ["color", "price"]),
        ("$..price.min()", 8.95),
        ("$.matrix.first()", [1, 2]),
        ("$.matrix.index(1)", [3, 4]),
    ],
)
def test_found(path: str, found: object) -> None:
    assert compile_path(path).find(STORE) == found


@pytest.mark.parametrize(
    "path",
    ["", "$.", "$..", "$[", "$[]", "$['a", "$[a]", "$[1", "$[1:2:3]", "$.a b", "$[?(]", "$[?(@.a ==)]", "$[?(@.a == 1]",
     "$[?(@.a == x)]", "$.a]", "$[?(" + "(" * 40 + "@.a" + ")" * 40 + ")]", "$" + ".a" * 2000],
)
def test_refused(path: str) -> None:
    with pytest.raises(PathError):
        compile_path(path)


def test_a_search_is_bounded() -> None:
    value: object = 1
    for _ in range(18):
        value = [value, value]
    with pytest.raises(RenderError, match="looks at more than"):
        compile_path("$" + "..*" * 3).find(value)
    with pytest.raises(RenderError, match="too many steps"):
        compile_path("$[?(@ =~ /(a|aa|aaa)+$/)]").find(["a" * 5000 + "b"])


def test_a_path_is_compiled_once() -> None:
    assert compile_path("$.a.b") is compile_path("$.a.b")
