"""What can go wrong in motion transfer, in sentences for people."""

from __future__ import annotations

from inference.errors import UnderstudyError


class TransferError(UnderstudyError):
    """Somebody cannot be shown as somebody else; the sentence says why and what to do."""
