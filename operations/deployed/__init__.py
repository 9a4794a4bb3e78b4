"""A deployed stack, on AWS or on the emulator: its outputs, signed API calls, resources, items and outcome events.

local/, operations/, benchmarks/ and the tests use it. It imports nothing else of this repository.
"""
