#!/bin/sh
# Starts a verification with curl 7.75 or newer: start.sh API_URL REQUEST_ID SESSION_ID
# AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN come from the environment.
set -eu
exec curl --silent --show-error --fail-with-body --max-time 30 \
    --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    ${AWS_SESSION_TOKEN:+--header "x-amz-security-token: $AWS_SESSION_TOKEN"} \
    --header "Content-Type: application/json" \
    --data "{\"requestId\": \"$2\", \"sessionId\": \"$3\"}" \
    "$1/verifications"
