"""The providers that the demo company buys from and the gateways that it calls them through, as they report usage and bill it."""
