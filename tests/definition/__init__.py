"""The definition's tests. Finds functions/ for `python -m tests.definition.histories`; pytest does so by itself."""

import sys
from pathlib import Path

_FUNCTIONS = str(Path(__file__).parents[2] / "functions")
if _FUNCTIONS not in sys.path:
    sys.path.append(_FUNCTIONS)
