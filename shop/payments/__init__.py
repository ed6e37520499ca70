"""Payment providers: one module each, which says the provider's language and nothing of the shop's rules."""
