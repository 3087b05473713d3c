"""The performer that moves the real pixels of its target, piece by piece, into the wanted pose."""
