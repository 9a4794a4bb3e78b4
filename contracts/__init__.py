"""The contracts as files: openapi.yaml and asyncapi.yaml, written by hand, and schemas/, generated from the types."""
