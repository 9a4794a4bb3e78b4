"""What runs against an account: deploy with a way back, recover, accept, report."""
