"""What regulators are told: the rows reports are made of, the reports themselves, and how long everything is kept."""
