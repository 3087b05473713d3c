"""Errors that are meant for people: the text of each is one clear sentence."""


class UnderstudyError(Exception):
    """Something a person can act on; `str(error)` says what was wrong and what to do."""


class ModelError(UnderstudyError):
    """A network's file is missing, damaged, of the wrong shape, or for another device."""


class DeviceError(UnderstudyError):
    """A device that was asked for is not there, or went away while running."""
