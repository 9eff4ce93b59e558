"""What is measured about the model."""
