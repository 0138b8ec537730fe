"""The journey: a survivor's first decisions, played over HTTP in six voices."""
