"""Deploying with a way back: what a deployment replaces is kept, whole, so that it can be deployed again."""
