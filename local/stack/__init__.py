"""The local stack: the emulator with the template deployed to it, under a clock that may be accelerated."""
