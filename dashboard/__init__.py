"""What a founder sees and clicks."""
