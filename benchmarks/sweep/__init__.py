"""How far one sweep of RecoverUnfinished gets: its handler, against stand-ins with AWS's quotas and latencies."""
