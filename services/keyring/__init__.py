"""The subjects' keys: given on loan, destroyed for good."""
