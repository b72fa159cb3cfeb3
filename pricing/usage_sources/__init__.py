"""How each source of usage reports a model call, and the rule that turns it into the product's own event."""
