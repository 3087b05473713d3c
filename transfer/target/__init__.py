"""A dataset made ready as the one to be shown: poses, clean plate, frames that can be used."""
