"""Measures the product from outside, as its users meet it: `python run.py bench`."""
