"""The door of the platform: HTTP, identity, permission, problem documents."""
