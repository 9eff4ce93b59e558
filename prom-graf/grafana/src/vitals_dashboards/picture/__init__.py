"""The dashboards' main panels as a picture, drawn from the results of their own queries."""
