"""What makes networks faster and changes no result."""
