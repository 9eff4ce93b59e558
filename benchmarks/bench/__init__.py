"""What watching costs: the same model behind each way of serving and watching it, in one run, and one table of it."""
