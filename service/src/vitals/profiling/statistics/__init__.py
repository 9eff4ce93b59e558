"""What the reference data look like and how well the model does on them."""
