"""What consent decides by: pure. The modules' names are part of what is stored."""
