"""How good a performer is: its pictures, poses and motion against the truth."""
