"""Traffic and trouble on purpose, and the alerts that each must bring about: what `vitals scenario` runs."""
