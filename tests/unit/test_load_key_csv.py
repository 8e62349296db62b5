"""API keys from the service's CSV form."""

from pathlib import Path

import pytest

from fastgw.load.key_csv import KeyRow, read_keys
from fastgw.load.problem import Problems
from fastgw.model.place import Place

NAMED_AT = Place("fastgw.yaml", 3, 13)
VALUE = "apikey1234abcdefghij0123456789"
OTHER = "another-value-of-a-key-0123456789"


def read(tmp_path: Path, text: str | bytes) -> tuple[list[KeyRow], list[str]]:
    file = tmp_path / "keys.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    problems = Problems()
    rows = read_keys(str(file), problems, NAMED_AT)
    return rows, [str(problem).replace(f"{tmp_path}/", "") for problem in problems.by_place()]


def test_columns_in_any_order_and_case(tmp_path: Path) -> None:
    text = f'Enabled,Name,key,UsageplanIds\nFALSE,first,{VALUE},"gold, silver"\n,second,{OTHER},\n'
    rows, told = read(tmp_path, text)
    assert told == []
    assert rows == [KeyRow("first", VALUE, False, ("gold", "silver"), 2), KeyRow("second", OTHER, True, (), 3)]


def test_a_value_that_comes_again_replaces_the_first(tmp_path: Path) -> None:
    rows, told = read(tmp_path, f"name,key\nfirst,{VALUE}\nother,{OTHER}\nlast,{VALUE}\n")
    assert told == []
    assert [row.name for row in rows] == ["other", "last"]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    text = f'name,key,description\nfirst,{VALUE},"two\nlines"\n\nshort,abc,\n'
    rows, told = read(tmp_path, text)
    assert [row.line for row in rows] == [2]
    assert told == ['keys.csv:5:1: error: Key of "short" must have 20 to 128 printable ASCII characters']


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "keys.csv:1:1: error: there is no column Name and no column Key; the first row names the columns: "
         "Name, Key, Description, Enabled, UsagePlanIds"),
        (f"name,value\na,{VALUE}", "there is no column Key"),
        ("name,key,NAME\n", "keys.csv:1:1: error: column Name is there twice"),
        (f"name,key\n,{VALUE}", "keys.csv:2:1: error: Name has 0 characters; it must have 1 to 1,024"),
        (f"name,key,enabled\na,{VALUE},yes", 'keys.csv:2:1: error: Enabled is "yes"; expected true or false'),
        (f"name,key\na,{VALUE[:19]}", "must have 20 to 128"),
        (f"name,key\na,{'é' * 30}", "must have 20 to 128 printable ASCII"),
        ('name,key\na,"open', "keys.csv:2:1: error: this is no CSV: "),
        (b"name,key\na,\xff", "fastgw.yaml:3:13: error: keys.csv is not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str | bytes, says: str) -> None:
    rows, told = read(tmp_path, text)
    assert rows == []
    assert any(says in line for line in told), told


def test_no_message_shows_a_value(tmp_path: Path) -> None:
    _, told = read(tmp_path, f"name,key,enabled\na,{VALUE},perhaps\nb,{VALUE * 5},\n")
    assert len(told) == 2
    assert VALUE not in "".join(told)


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    rows, told = read(tmp_path, f"name,key,usageplanid\na,{VALUE},gold\n")
    assert len(rows) == 1
    assert told == ['keys.csv:1:1: warning: column "usageplanid" is not read; did you mean "UsagePlanIds"?']


def test_a_missing_file(tmp_path: Path) -> None:
    problems = Problems()
    assert read_keys(str(tmp_path / "none.csv"), problems, NAMED_AT) == []
    (problem,) = problems.by_place()
    assert str(problem).startswith("fastgw.yaml:3:13: error: cannot read ")
    assert str(problem).endswith("none.csv: no such file or directory")
