"""Are you there? Whose turn it is to be asked, what silence and refusals mean, how far it is."""
