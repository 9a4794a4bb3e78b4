"""CheckLink beside the least that a check needs."""
