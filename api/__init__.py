"""What machines call: health for now; usage intake and webhooks join here."""
