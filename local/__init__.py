"""The local stack: an AWS emulator with a simulator of Signzy. make and python -m local VERB run it."""
