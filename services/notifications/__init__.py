"""Safe contact, chosen topics, and the notices that follow from them."""
