"""Which region is meant: boto3, SAM CLI and AWS CLI v1 read AWS_DEFAULT_REGION, other SDKs AWS_REGION; here either will do."""

from collections.abc import Mapping

import boto3

#: In the order in which they count, which is AWS CLI v2's.
NAMES = ("AWS_REGION", "AWS_DEFAULT_REGION")


class NoRegion(Exception):
    """No region is set; the message is one line."""


def region_in(environment: Mapping[str, str]) -> str:
    """The region that a shell's environment names, or else that of this process's AWS profile. Raises NoRegion, BotoCoreError."""
    named = [environment[name] for name in NAMES if environment.get(name)]
    region = named[0] if named else boto3.Session().region_name
    if not region:
        raise NoRegion("there is no region: set AWS_REGION or AWS_DEFAULT_REGION, or name a profile that has one")
    return region
