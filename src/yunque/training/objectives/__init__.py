"""What a model is trained to do: an objective makes batches, weighs them and returns the loss."""
