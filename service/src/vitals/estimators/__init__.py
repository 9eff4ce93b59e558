"""What a fitted estimator is and what it knows: its kind, its classes, its columns."""
