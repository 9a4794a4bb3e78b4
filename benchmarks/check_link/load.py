"""What a bundle brings, loaded in a process of its own: python -I -S -B load.py BUNDLE RUNTIME MODULE [NAME ...]

Imports the handler after the modules named, and prints {"loadCpuMs", "others"}: what that took, and what the handler imports
that is not in the bundle. Given those, it is the bundle's own code that is measured: all that its byte-code can change.
"""

import os
import sys

bundle, runtime, module, *names = sys.argv[1:]
sys.path[:0] = [bundle, runtime]
for name in names:
    try:
        __import__(name)
    except ImportError:  # it is a module by its parent's doing only
        continue

import time  # noqa: E402

began = time.process_time()
__import__(module)
took = time.process_time() - began

import json  # noqa: E402

within = bundle + os.sep
files = {name: getattr(loaded, "__file__", None) or "" for name, loaded in sys.modules.items()}
others = [name for name, file in files.items() if name != "__main__" and not file.startswith(within)]
print(json.dumps({"loadCpuMs": took * 1000, "others": others}))
