"""Training what sees: the segmentation and pose network, from teachers and human marks."""
