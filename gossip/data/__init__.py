"""Which data to whom, also when it is larger than a datagram."""
