"""Someone's motion in, someone else's picture out."""
