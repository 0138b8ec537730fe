"""What notifications decides: where a person is safe to reach, what they asked to hear, notices.

Stored for ever: never rename, move, reuse or drop an aggregate, an event class
or a field of one in this package.
"""
