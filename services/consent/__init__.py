"""Releases of information: who may read what of a survivor, for what, until when."""
