"""What can go wrong in training, in sentences for people."""

from inference.errors import UnderstudyError


class TrainingError(UnderstudyError):
    """Training cannot begin or go on; the message says why and what to do."""
