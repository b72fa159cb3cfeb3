"""What runs on a schedule or at a command: each file one job, each job a loop around one call."""
