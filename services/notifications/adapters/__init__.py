"""What reaches outside."""
