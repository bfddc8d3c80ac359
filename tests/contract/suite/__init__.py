"""What the suites of the real SDKs share: a lab, a gateway in front of it, and the words that are said."""
