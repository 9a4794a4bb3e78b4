"""CheckLink beside its peers: process start to first answer, and warm looks, over TLS on the loopback."""
