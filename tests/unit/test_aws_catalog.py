"""The table of services against the models that botocore carries."""

from collections.abc import Iterable

import pytest

from fastgw.parts.aws.catalog import CATALOG, PATH, QUERY, Entry

loaders = pytest.importorskip("botocore.loaders", reason="botocore, the oracle, is not installed (pip install .[dev])")

OLDER_PROTOCOL = {"sqs"}
"""Its model has the newer one only."""


SOME = ("dynamodb", "sns", "kinesis", "firehose", "events", "stepfunctions", "ssm", "sts", "ses", "sagemaker-runtime")


def models(names: Iterable[str]) -> dict[str, list[dict]]:
    """endpointPrefix -> metadata of the models under it, oldest first."""
    found: dict[str, list[dict]] = {}
    for name in names:
        metadata = loaders.Loader().load_service_model(name, "service-2")["metadata"]
        found.setdefault(metadata["endpointPrefix"], []).append(metadata)
    return {name: sorted(all_, key=lambda one: one["apiVersion"]) for name, all_ in found.items()}


def entry(name: str, metadatas: list[dict]) -> Entry | None:
    best = None
    for metadata in metadatas:
        protocols = metadata.get("protocols") or [metadata.get("protocol")]
        signing = metadata.get("signingName") or name
        if {"query", "ec2"} & set(protocols):
            best = Entry(QUERY, metadata["apiVersion"], signing)
        elif "json" in protocols and metadata.get("targetPrefix"):
            best = Entry(f"json-{metadata['jsonVersion']}", metadata["targetPrefix"], signing)
        elif best is None and signing != name:
            best = Entry(PATH, "-", signing)
    return best


def agreeing(names: Iterable[str]) -> int:
    """How many entries are as the models say. A botocore of another day may have a newer model of a service: those
    that have kept their protocol must agree."""
    count = 0
    for name, all_ in models(names).items():
        wanted = entry(name, all_)
        if wanted is not None and name in CATALOG and name not in OLDER_PROTOCOL:
            count += wanted == CATALOG[name]
            assert wanted.protocol != CATALOG[name].protocol or wanted == CATALOG[name], name
    return count


def test_the_services_most_asked() -> None:
    assert agreeing(SOME) == len(SOME)


@pytest.mark.trial
def test_every_service() -> None:
    assert agreeing(loaders.Loader().list_available_services("service-2")) > len(CATALOG) * 0.8
