"""Loading a served model and running it in batches."""
