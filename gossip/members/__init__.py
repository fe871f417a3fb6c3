"""Who is there, as far as one member can tell, and how it finds out what others believe."""
