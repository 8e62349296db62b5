"""ARNs of methods."""

import pytest

from fastgw.parts.arn import method_arn, stage_arn


@pytest.mark.parametrize(("region", "partition"), [
    ("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_the_partition_goes_by_the_region(region: str, partition: str) -> None:
    stage = stage_arn(region, "123456789012", "abc123", "prod")
    assert method_arn(stage, "GET", "/pets/1") == (
        f"arn:{partition}:execute-api:{region}:123456789012:abc123/prod/GET/pets/1")


def test_the_root_keeps_its_slash() -> None:
    assert method_arn(stage_arn("local", "0" * 12, "a", "$default"), "POST", "/").endswith(":a/$default/POST/")
