"""A burst of links against AWS's quotas: what is throttled, and what comes late for it."""
