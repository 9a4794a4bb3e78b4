"""The contracts as files: schemas/, docs/openapi.yaml and docs/asyncapi.yaml, generated from the types that the code runs on."""
