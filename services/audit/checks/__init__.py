"""What an auditor checks, a row at a time: nothing here grows with the log."""
