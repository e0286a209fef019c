"""What we measure: every figure is a ratio, or stands beside one, taken in a single run on the same machine."""
