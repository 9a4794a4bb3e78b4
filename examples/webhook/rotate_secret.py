"""Makes a new signing key, and keeps the one before it as the previous: python rotate_secret.py SECRET_ARN

The first time it fills the secret, which is created without a value. Needs boto3 and AWS's usual variables or profile.
"""

import base64
import json
import secrets
import sys
from typing import Any

import boto3


def main(secret_arn: str) -> None:
    client: Any = boto3.client("secretsmanager")
    try:
        previous = json.loads(client.get_secret_value(SecretId=secret_arn)["SecretString"])["current"]
    except client.exceptions.ResourceNotFoundException:  # the stack creates the secret without a value
        previous = ""
    key = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    client.put_secret_value(SecretId=secret_arn, SecretString=json.dumps({"current": key, "previous": previous}))
    print("Rotated. Give the receiver the current key before you rotate again. Both keys sign until then.")


if __name__ == "__main__":
    main(*sys.argv[1:])
