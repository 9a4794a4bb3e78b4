"""What a person sees and says: make's local targets, their choices and their pictures."""
