"""API keys from the service's CSV form."""

from pathlib import Path

import pytest

from fastgw.load.key_csv import add_key_file
from fastgw.load.problem import Problems
from fastgw.load.usage import Keys
from fastgw.model.place import Place
from fastgw.model.usage import UsagePlan

NAMED_AT = Place("fastgw.yaml", 3, 13)
VALUE = "apikey1234abcdefghij0123456789"
OTHER = "another-value-of-a-key-0123456789"


Key = tuple[str, str, bool, tuple[str, ...]]


def read(tmp_path: Path, text: str | bytes) -> tuple[list[Key], list[str]]:
    file = tmp_path / "keys.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    problems = Problems()
    keys = Keys([UsagePlan(name, ()) for name in ("gold", "silver")], problems)
    add_key_file(str(file), keys, problems, NAMED_AT)
    return list(keys.ring), [str(problem).replace(f"{tmp_path}/", "") for problem in problems.by_place()]


def test_columns_in_any_order_and_case(tmp_path: Path) -> None:
    text = f'Enabled,Name,key,UsageplanIds\nFALSE,first,{VALUE},"gold, silver"\n,second,{OTHER},\n'
    rows, told = read(tmp_path, text)
    assert told == []
    assert rows == [("first", VALUE, False, ("gold", "silver")), ("second", OTHER, True, ())]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    text = f'name,key,description,enabled\nfirst,{VALUE},"two\nlines"\n\nother,{OTHER},,no\nlast,{OTHER}\n'
    rows, told = read(tmp_path, text)
    assert [row[0] for row in rows] == ["first", "last"]
    assert told == ['keys.csv:5:1: error: Enabled is "no"; expected true or false']


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "keys.csv:1:1: error: there is no column Name and no column Key; the first row names the columns: "
         "Name, Key, Description, Enabled, UsagePlanIds"),
        (f"name,value\na,{VALUE}", "there is no column Key"),
        ("name,key,NAME\n", "keys.csv:1:1: error: column Name is there twice"),
        (f"name,key,enabled\na,{VALUE},yes", 'keys.csv:2:1: error: Enabled is "yes"; expected true or false'),
        ('name,key\na,"open', "keys.csv:2:1: error: this is no CSV: "),
        (b"name,key\na,\xff", "fastgw.yaml:3:13: error: keys.csv is not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str | bytes, says: str) -> None:
    rows, told = read(tmp_path, text)
    assert rows == []
    assert any(says in line for line in told), told


def test_a_plan_that_is_not_there_is_told_with_its_line(tmp_path: Path) -> None:
    _, told = read(tmp_path, f"name,key,usageplanids\na,{VALUE},glod\n")
    assert told == ['keys.csv:2:1: error: no plan is named "glod"; did you mean "gold"?']


def test_no_message_shows_a_value(tmp_path: Path) -> None:
    _, told = read(tmp_path, f"name,key,enabled\na,{VALUE},perhaps\n")
    assert len(told) == 1
    assert VALUE not in "".join(told)


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    rows, told = read(tmp_path, f"name,key,usageplanid\na,{VALUE},gold\n")
    assert len(rows) == 1
    assert told == ['keys.csv:1:1: warning: column "usageplanid" is not read; did you mean "UsagePlanIds"?']


def test_a_missing_file(tmp_path: Path) -> None:
    problems = Problems()
    add_key_file(str(tmp_path / "none.csv"), Keys([], problems), problems, NAMED_AT)
    (problem,) = problems.by_place()
    assert str(problem).startswith("fastgw.yaml:3:13: error: cannot read ")
    assert str(problem).endswith("none.csv: no such file or directory")
