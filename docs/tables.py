"""Writes the tables of the pages from the code: python docs/tables.py README.md docs/*.md (make docs).

A table stands between <!-- table NAME --> and <!-- end of table -->.
"""

import re
import sys
from pathlib import Path

from fastgw import settings
from fastgw.observe import metrics

TABLES = {"settings": settings.table, "metrics": metrics.table, "service": metrics.service_table}

_TABLE = re.compile(r"<!-- table (\w+) -->\n.*?<!-- end of table -->", re.DOTALL)


def with_tables(text: str) -> str:
    """The page with every table as the code has it now. Raises KeyError for a name nobody writes."""
    return _TABLE.sub(lambda m: f"<!-- table {m[1]} -->\n{TABLES[m[1]]()}\n<!-- end of table -->", text)


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
