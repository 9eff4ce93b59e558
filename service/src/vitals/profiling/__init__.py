"""From a fitted model and reference data to a folder that can be served: `vitals profile` and the examples."""
