"""make report: one HTML page of what a stack has watched in a period, made from the table alone."""
