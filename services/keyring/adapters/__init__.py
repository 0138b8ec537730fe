"""Where the wrapped keys are."""
