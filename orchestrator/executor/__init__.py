"""What carries an approved proposal out, once, and nothing else: the only holder of write clients."""
