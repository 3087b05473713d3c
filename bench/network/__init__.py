"""A call over bad lines, on one machine: `run.py bench --network`."""
