"""A simulator of Signzy: the documented protocol, its scenarios, and ways to misbehave."""
