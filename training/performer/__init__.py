"""Training who is shown: motion transfer, from a dataset of one dancer."""
