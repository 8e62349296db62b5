"""README and docs hold the tables of today's code."""

import importlib.util

import pytest


@pytest.fixture(scope="module")
def tables(request):
    spec = importlib.util.spec_from_file_location("tables", request.config.rootpath / "docs" / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "table"),
    [("README.md", "settings"), ("docs/configuration.md", "settings"), ("docs/metrics.md", "metrics"),
     ("docs/metrics.md", "service")],
)
def test_a_page_holds_the_table_of_today(page, table, request, tables):
    text = (request.config.rootpath / page).read_text(encoding="utf-8")
    assert f"<!-- table {table} -->" in text
    assert text == tables.with_tables(text), "run make docs"


def test_a_table_that_nobody_writes_is_an_error(tables):
    with pytest.raises(KeyError):
        tables.with_tables("<!-- table nothing -->\n<!-- end of table -->")


def test_an_old_table_is_replaced(tables):
    page = "before\n<!-- table settings -->\nyesterday's row\n<!-- end of table -->\nafter\n"
    new = tables.with_tables(page)
    assert "yesterday" not in new and "FASTGW_LISTEN" in new
    assert new.startswith("before\n") and new.endswith("-->\nafter\n")
