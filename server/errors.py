"""What the server says no with: a sentence, a short code for the page, and an HTTP status."""

from __future__ import annotations

from typing import Any

from inference.errors import UnderstudyError


class ServerError(UnderstudyError):
    """The server itself cannot do what was asked (a port in use, a data folder in use)."""


class Refused(ServerError):
    """A request that is answered with `{"error": sentence, "code": code}`."""

    def __init__(self, status: int, code: str, sentence: str, **more: Any) -> None:
        """`more` is added to the answer's JSON."""
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.more = more

    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        return {"error": str(self), "code": self.code, **self.more}
