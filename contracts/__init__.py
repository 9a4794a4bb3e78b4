"""The contracts as files: schemas/, openapi.yaml and asyncapi.yaml, generated from the types."""
