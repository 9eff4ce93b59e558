"""What is known of a served model's data without loading the model: `profile.json` and `model.json`, and their bins."""
