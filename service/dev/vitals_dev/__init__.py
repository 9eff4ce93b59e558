"""What the developers of this project share, and a user never gets: the tests and the picture of the dashboards need it."""
