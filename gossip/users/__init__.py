"""What users of members tell and ask each other, beside data."""
