"""What a build is made of: steps as data, what runs them, and the steps that every target may use."""
