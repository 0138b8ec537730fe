"""Personal words, closed: values, keys, and how both are stored."""
