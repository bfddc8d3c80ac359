"""What is asked and looked for, by the kind of thing it is."""
