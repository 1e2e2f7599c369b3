"""What a plan takes, before any tool runs: logic, memories and cycles."""
