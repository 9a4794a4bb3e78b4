#!/bin/sh
# Starts a verification with curl 7.75 or newer: start.sh API_URL REQUEST_ID SESSION_ID
# AWS_REGION or AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN come from the environment.
set -eu
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
: "${region:?set AWS_REGION or AWS_DEFAULT_REGION}"
# By standard input, so that ps does not show the keys.
{
    printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
    [ -z "${AWS_SESSION_TOKEN:-}" ] || printf 'header = "x-amz-security-token: %s"\n' "$AWS_SESSION_TOKEN"
} | curl --config - --silent --show-error --fail-with-body --max-time 30 \
    --aws-sigv4 "aws:amz:$region:execute-api" \
    --header "Content-Type: application/json" \
    --data "{\"requestId\": \"$2\", \"sessionId\": \"$3\"}" \
    "$1/verifications"
