"""What coterie costs on this machine: a file per topic, figures to compare, none to promise."""
