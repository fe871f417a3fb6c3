"""What members say to each other: typed, validated, as bytes, and sealed. It knows nobody."""
