"""The local stack: an AWS emulator, a simulator of Signzy and a live view. make and python -m local VERB run it."""
