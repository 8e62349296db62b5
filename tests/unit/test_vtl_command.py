"""fastgw vtl: what it prints, and its exit status."""

import json

import pytest

from fastgw.cli import OK, PROBLEMS, USAGE, main


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**contents):
        for name, content in contents.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text(content if isinstance(content, str) else json.dumps(content))

    return write


EVENT = {"body": {"a": [1]}, "pathParameters": {"id": "7"}, "headers": {"H": "h"}, "requestContext": {"stage": "dev"},
         "stageVariables": {"v": "x"}}


def test_render(files, capsys) -> None:
    template = "$input.path('$.a') $input.params('id') $input.params('H') $context.stage $stageVariables.v"
    files(t_vm=template, e_json=EVENT)
    assert main(["vtl", "render", "t.vm", "--event", "e.json"]) == OK
    assert capsys.readouterr() == ("[1] 7 h dev x", "")


def test_trace_and_overrides_go_to_stderr(files, capsys) -> None:
    files(t_vm="#set($x = 1)\n$x $y#set($context.responseOverride.header.H = 'v')")
    assert main(["vtl", "render", "t.vm", "--trace"]) == OK
    printed = capsys.readouterr()
    assert printed.out == "1 "
    assert printed.err.splitlines() == [
        "1: #set $x = 1", "2: $x = 1", "2: $y = nothing", "2: #set $context.responseOverride.header.H = 'v'",
        "$context.responseOverride.header.H = v",
    ]


@pytest.mark.parametrize(
    ("template", "said"),
    [("a\n#if(", "t.vm:2:5: error: found the end of the template, expected a value"),
     ("a\n$context.stage.charAt(9)", "t.vm:2: error: charAt(): index 9 of a string of 3")],
)
def test_a_template_that_fails(files, capsys, template: str, said: str) -> None:
    files(t_vm=template, e_json=EVENT)
    assert main(["vtl", "render", "t.vm", "--event", "e.json"]) == PROBLEMS
    assert capsys.readouterr().err == f"{said}\n"


def test_limits_are_settings(files, capsys) -> None:
    files(t_vm="#foreach($x in [1..9])$x#end")
    assert main(["vtl", "render", "t.vm", "--set", "template_loops=3"]) == OK
    assert capsys.readouterr().out == "123"


def test_cases(files, capsys) -> None:
    files(
        t_vm="line\n$input.params('q')\n",
        good_json=[
            {"template": "$x", "variables": {"x": 1}, "expect": "1"},
            {"file": "t.vm", "event": {"queryStringParameters": {"q": "v"}}, "expect": "line\nv\n"},
            {"template": "#if(", "error": "expected a value"},
        ],
        bad_json={"cases": [{"name": "first", "file": "t.vm", "expect": "line\nother\n"}]},
    )
    assert main(["vtl", "test", "good.json"]) == OK
    assert capsys.readouterr().out == "3 cases, 0 failed\n"
    assert main(["vtl", "test", "good.json", "bad.json"]) == PROBLEMS
    out = capsys.readouterr().out
    assert "FAILED bad.json: first\n" in out
    assert "- 'other\\n'" in out and "+ '\\n'" in out and "4 cases, 1 failed" in out


@pytest.mark.parametrize(
    ("cases", "said"),
    [({}, "expected a list of cases"), ([{"template": "x"}], "expect or error"),
     ([{"expect": "x"}], "template or file"),
     ([{"template": "x", "expect": "x", "when": 1}], "found when"),
     ([{"template": "x", "expect": "x", "event": {"query": {}}}], "expected one of body")],
)
def test_a_file_of_cases_that_is_none(files, capsys, cases: object, said: str) -> None:
    files(c_json=cases)
    assert main(["vtl", "test", "c.json"]) == USAGE
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there(capsys) -> None:
    assert main(["vtl", "render", "nowhere.vm"]) == USAGE
    assert "nowhere.vm: No such file" in capsys.readouterr().err
