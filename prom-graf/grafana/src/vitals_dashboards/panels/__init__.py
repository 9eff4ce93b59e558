"""What dashboards are made of: panels, variables, queries that several share, and the layout."""
