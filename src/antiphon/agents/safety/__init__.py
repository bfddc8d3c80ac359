"""What protects agents from what they read: labels of tools, rules before actions, marks on strangers' text."""
