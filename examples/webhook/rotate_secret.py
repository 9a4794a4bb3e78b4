"""Makes a new signing key, and keeps the one before it as the previous: python rotate_secret.py SECRET_ARN

The first time it fills the secret, which is created without a value. Needs boto3 and AWS's usual variables or profile.
"""

import base64
import json
import secrets
import sys
from typing import Any

import boto3

#: Standard Webhooks asks for 24 to 64 bytes.
KEY_BYTES = 32


def main(secret_arn: str) -> int:
    client: Any = boto3.client("secretsmanager")
    try:
        stored = client.get_secret_value(SecretId=secret_arn)["SecretString"]
    except client.exceptions.ResourceNotFoundException:  # the stack creates the secret without a value
        stored = ""
    current = json.loads(stored)["current"] if stored else ""
    key = "whsec_" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    client.put_secret_value(SecretId=secret_arn, SecretString=json.dumps({"current": key, "previous": current}))
    print(
        "Rotated. Give the receiver the current key before you rotate again; until then, deliveries are signed with both keys."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
