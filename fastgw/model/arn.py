"""Names that AWS gives to resources."""


def partition(region: str) -> str:
    """Of the service, by the region's name."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
