"""CheckLink beside its peers: process start to first answer, and warm checks, over TLS on the loopback."""
