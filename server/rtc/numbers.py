"""Counters of 16 and 32 bits that wrap, and what they count."""

from __future__ import annotations


def unwrap(value: int, near: int, bits: int = 16) -> int:
    """The number that ends in the `bits` of `value` and is nearest to `near`."""
    whole = 1 << bits
    return near + (value - near + whole // 2) % whole - whole // 2
