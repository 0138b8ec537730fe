"""What has no opinion about a case: transport, contracts, store, sealing, identity, logging."""
