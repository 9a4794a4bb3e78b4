"""How many verifications one account can watch at once under AWS's default quotas."""
