"""One HTML page of what a stack has watched in a period, from the table alone."""
