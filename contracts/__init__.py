"""The contracts as files: schemas/ and docs/openapi.yaml, generated from the types that the code runs on."""
