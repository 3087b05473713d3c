"""How fast and how good, on this machine: `run.py bench`."""
