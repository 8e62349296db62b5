"""What firewalls did: counts of rules out of the shared cells, and samples that the workers keep."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastgw._core.cells import Cells
from fastgw.model.firewall import DEFAULT_ACTION_NAME, rule_count_id
from fastgw.model.gateway import Gateway


def rule_counts(gateway: Gateway, numbers: Mapping[str, int], cells: Cells) -> dict[tuple[str, str, str], int]:
    """(firewall, rule, action) -> requests, of the firewalls that a stage has."""
    found = {}
    for firewall in gateway.firewalls:
        rules = [(rule.name, rule.action) for rule in firewall.rules]
        for name, action in [*rules, (DEFAULT_ACTION_NAME, firewall.default)]:
            first = numbers.get(rule_count_id(firewall.name, name, action))
            if first is not None:
                count = sum(cells.load(first + worker) for worker in range(cells.workers))
                found[firewall.name, name, action] = count
    return found


def newest_first(workers: Mapping[int, Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The samples of all workers."""
    found = [{**sample, "worker": worker} for worker, samples in workers.items() for sample in samples]
    return sorted(found, key=lambda sample: sample["time"], reverse=True)
