"""What routes would have done, and what they would have cost: learned from and measured on recorded outcomes."""
