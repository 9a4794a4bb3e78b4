"""The local stack: an AWS emulator, a simulator of Signzy, a live view. What make runs; python -m local VERB does the same."""
