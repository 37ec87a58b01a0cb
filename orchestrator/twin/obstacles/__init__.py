"""What may stand in the way of a change, one kind a file: each looks at a trial and says what it found."""
