"""PyTorch: datasets, networks, losses, the trainer, distillation, metrics."""
