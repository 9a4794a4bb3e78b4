"""What linkwatch costs and how fast it is, measured or counted beside what one would build otherwise."""
