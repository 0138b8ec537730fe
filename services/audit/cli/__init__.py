"""The auditor's commands: each module here with a ``COMMAND`` is one (shared/command_line.py)."""
