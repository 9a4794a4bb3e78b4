"""What a verification costs on AWS, from counted transitions and measured durations, beside what one might build instead."""
