"""A stand-in for the Agile Receivables external API on loopback. It sends nothing to anyone."""
