"""The human body as BodyPix and COCO name it: parts, key points, colours, mirror permutations.

Sources: the BodyPix README in tensorflow/tfjs-models (part ids and the two rainbow colour
scales), the COCO key point annotation format, and Papandreou et al., "PersonLab" (ECCV 2018),
section 3 for the tree along which poses are decoded.
"""

import numpy as np
from numpy.typing import NDArray

PART_NAMES: tuple[str, ...] = (
    "left_face",
    "right_face",
    "left_upper_arm_front",
    "left_upper_arm_back",
    "right_upper_arm_front",
    "right_upper_arm_back",
    "left_lower_arm_front",
    "left_lower_arm_back",
    "right_lower_arm_front",
    "right_lower_arm_back",
    "left_hand",
    "right_hand",
    "torso_front",
    "torso_back",
    "left_upper_leg_front",
    "left_upper_leg_back",
    "right_upper_leg_front",
    "right_upper_leg_back",
    "left_lower_leg_front",
    "left_lower_leg_back",
    "right_lower_leg_front",
    "right_lower_leg_back",
    "left_feet",
    "right_feet",
)
"""BodyPix's part ids in order; a label map stores id + 1."""

LABEL_NAMES: tuple[str, ...] = ("background", *PART_NAMES)
"""Class ids of a label map: 0 is the background, 1..24 are parts."""

FACE_LABELS: tuple[int, int] = (1, 2)
"""Class ids that make up the face."""

MIRROR_PARTS: tuple[int, ...] = (
    1, 0, 4, 5, 2, 3, 8, 9, 6, 7, 11, 10, 12, 13, 16, 17, 14, 15, 20, 21, 18, 19, 23, 22,
)  # fmt: skip
"""Part id -> part id in the mirrored picture (left and right swapped)."""

MIRROR_LABELS: tuple[int, ...] = (0, *(part + 1 for part in MIRROR_PARTS))
"""Class id -> class id in the mirrored picture."""

RAINBOW: NDArray[np.uint8] = np.array(
    [
        (110, 64, 170), (143, 61, 178), (178, 60, 178), (210, 62, 167), (238, 67, 149),
        (255, 78, 125), (255, 94, 99), (255, 115, 75), (255, 140, 56), (239, 167, 47),
        (217, 194, 49), (194, 219, 64), (175, 240, 91), (135, 245, 87), (96, 247, 96),
        (64, 243, 115), (40, 234, 141), (28, 219, 169), (26, 199, 194), (33, 176, 213),
        (47, 150, 224), (65, 125, 224), (84, 101, 214), (99, 81, 195),
    ],
    dtype=np.uint8,
)  # fmt: skip
"""BodyPix 2's rainbow, RGB, `[24, 3]`, in part order."""

RAINBOW_V1: NDArray[np.uint8] = np.array(
    [
        (110, 64, 170), (106, 72, 183), (100, 81, 196), (92, 91, 206), (84, 101, 214),
        (75, 113, 221), (66, 125, 224), (56, 138, 226), (48, 150, 224), (40, 163, 220),
        (33, 176, 214), (29, 188, 205), (26, 199, 194), (26, 210, 182), (28, 219, 169),
        (33, 227, 155), (41, 234, 141), (51, 240, 128), (64, 243, 116), (79, 246, 105),
        (96, 247, 97), (115, 246, 91), (134, 245, 88), (155, 243, 88),
    ],
    dtype=np.uint8,
)  # fmt: skip
"""BodyPix 1's rainbow, RGB, `[24, 3]`, in part order; only `repair` needs it."""

PALETTE: NDArray[np.uint8] = np.concatenate([np.zeros((1, 3), np.uint8), RAINBOW])
"""Colour of each class id of a label map, RGB, `[25, 3]`; the background is black."""

KEYPOINT_NAMES: tuple[str, ...] = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""COCO's 17 key points in order."""

MIRROR_KEYPOINTS: tuple[int, ...] = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""Key point -> key point in the mirrored picture."""

SKELETON: tuple[tuple[int, int], ...] = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8),
    (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
)  # fmt: skip
"""COCO's limbs as pairs of key points: what a skeleton is drawn from."""

POSE_TREE: tuple[tuple[int, int], ...] = (
    (0, 1), (1, 3), (0, 2), (2, 4), (0, 5), (5, 7), (7, 9), (5, 11), (11, 13), (13, 15),
    (0, 6), (6, 8), (8, 10), (6, 12), (12, 14), (14, 16),
)  # fmt: skip
"""Parent and child of each of the 16 edges of `mid_offsets`, in channel order."""

KEYPOINT_SIGMAS: NDArray[np.float32] = np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], np.float32
) / np.float32(1000)
"""COCO's per-key-point spread, used by object key point similarity (cocoeval)."""
