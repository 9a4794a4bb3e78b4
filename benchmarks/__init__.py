"""What linkwatch costs, how fast it is and how much of it there can be at once: measured, counted or simulated."""

import sys
from pathlib import Path

# What is measured is a folder of Lambda's code, not a package of this project.
sys.path.insert(0, str(Path(__file__).parents[1] / "functions"))
