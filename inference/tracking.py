"""Following one dancer: who it is at first, that it stays the same one, and who it is not.

Everybody in view is followed from frame to frame, because a bystander who crosses is told from the
dancer most safely by knowing where the bystander came from. A person is a dancer only if alive: a
poster never moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.analysis import Person
from inference.liveliness import Liveliness
from inference.similarity import pose_similarity
from inference.skeleton import MIN_SCORE, body_scale
