"""Intake: a survivor begins, is told what stays confidential, and decides."""
