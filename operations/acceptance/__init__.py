"""The acceptance run: proves the guarantees on a deployed stack, in an account or on the emulator."""
