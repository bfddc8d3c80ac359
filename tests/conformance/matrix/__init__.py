"""What each client dialect can ask of each upstream dialect, found out by asking."""
