"""What goes wrong while capturing; the text of each is one clear sentence for a person."""

from inference.errors import UnderstudyError


class CaptureError(UnderstudyError):
    """Something could not be captured, kept, exported or repaired."""


class DatasetError(CaptureError):
    """A dataset is missing, damaged, or cannot be changed as asked."""


class DatasetBusy(DatasetError):
    """Somebody else is writing or reading the dataset right now; later it may work."""


class DatasetChanged(DatasetError):
    """Somebody else changed the dataset since it was read: read it again first."""


class VideoError(CaptureError):
    """A file is not a video, is damaged, or is larger or longer than is accepted."""
