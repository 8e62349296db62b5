"""TRIALS A1 and A2: hostile requests, whole and in every cut, against a byte-recording upstream."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support import judge
from tests.support.client import byte_by_byte, get, random_splits, whole
from tests.support.process import Gateway
from tests.support.upstream import Upstream
from tests.wire.corpus_a1 import CORPUS, COUNTS, Case

PREFIX = get("/first")
DELIVERIES = ("whole", "bytes", "splits", "second")


def segments(case: Case, delivery: str) -> list[bytes]:
    if delivery == "bytes":
        return byte_by_byte(case.data)
    if delivery == "splits":
        return random_splits(case.data, case.id)
    return whole(PREFIX + case.data if delivery == "second" else case.data)


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[tuple[str, str], judge.Outcome]]:
    """Every case in every delivery, run once, side by side."""
    keys = [(case, delivery) for case in CORPUS for delivery in DELIVERIES]
    with (
        Upstream() as upstream,
        Gateway(
            {"api.json": judge.judged_definition(upstream.url)},
            env={"FASTGW_HEAD_TIMEOUT": "1.5", "FASTGW_BODY_IDLE_TIMEOUT": "1.5"},
        ) as gateway,
    ):
        streams = [
            (segments(case, delivery), PREFIX * (delivery == "second") + case.data) for case, delivery in keys
        ]
        results = judge.run(gateway.port, upstream, streams)
        yield {(case.id, delivery): result for (case, delivery), result in zip(keys, results, strict=True)}
        assert upstream.unclean == []
        assert gateway.fetch(get("/still-here")).status == 200


def test_a1_corpus_is_complete() -> None:
    assert Counter(case.group for case in CORPUS) == COUNTS
    assert len({case.id for case in CORPUS}) == 184


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.id)
def test_a1_hostile(case: Case, outcomes: dict[tuple[str, str], judge.Outcome]) -> None:
    outcome = outcomes[case.id, "whole"]
    assert not outcome.problems
    if case.expect == "pass" or (case.expect == "either" and outcome.statuses == [200]):
        assert outcome.statuses == [200]
        assert len(outcome.forwarded) == 1
        return
    assert len(outcome.answers) == 1, outcome.statuses
    assert outcome.closed and outcome.forwarded == []
    if case.expect == "wait":
        assert outcome.statuses == [408]
    else:
        assert 400 <= outcome.statuses[0] <= 505
        assert not case.statuses or outcome.statuses[0] in case.statuses


@pytest.mark.parametrize("delivery", DELIVERIES[1:])
@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.id)
def test_a2_same_verdict(case: Case, delivery: str, outcomes: dict[tuple[str, str], judge.Outcome]) -> None:
    whole_one, cut = outcomes[case.id, "whole"], outcomes[case.id, delivery]
    assert not cut.problems
    refusal, closed, forwarded = cut.verdict()
    if delivery == "second":
        assert cut.statuses[0] == 200 and forwarded[0][1] == "/first"
        forwarded = forwarded[1:]
    assert (refusal, closed, forwarded) == whole_one.verdict()
