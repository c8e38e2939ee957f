"""The training of one cell: epochs, steps, gradients, weights, checkpoints."""
