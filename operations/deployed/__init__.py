"""A deployed stack, on AWS or on the emulator, for operations/, local/ and the tests. It imports nothing else of ours."""
