"""Performers: somebody's motion in, a picture of somebody else out, and what they are made of."""
